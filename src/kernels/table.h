// What each instruction set provides: one function for each kernel, behind plain pointers, so that
// the files compiled with special flags share no inline code with the rest of the program (an
// inline function compiled for AVX-512 could otherwise be the copy that the linker keeps).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/attention_table.h"
#include "kernels/elementwise_table.h"

namespace glimmer::kernels {

// Floats of scratch memory that a MatMul function may write.
constexpr size_t kMatMulScratch = 8 * 1024;

// y[t, n] = scale * sum_k x[t, k] w[n, k] for t < x_rows, n < w_rows. Strides count elements.
struct MatMulArgs {
  const float* x;
  size_t x_rows, x_stride;
  const void* w;                // rows of `w_stride` elements of the function's format
  const uint8_t* block_scales;  // NVFP4: [w_rows, cols / 16]
  size_t w_rows, w_stride;
  size_t cols;
  float scale;
  float* y;
  size_t y_stride;
  const float* e4m3_values;  // what each of the 256 codes means
  float* scratch;            // kMatMulScratch floats
};

// y[t, d] = sum_s p[t, s] values[s, d].
struct WeightedSumArgs {
  const float* p;
  size_t p_rows, p_stride;
  const float* values;
  size_t value_rows, value_stride;
  size_t cols;
  float* y;
  size_t y_stride;
};

// The error of packed blocks, lane by lane of a block: squares[l] grows by (w - w')^2 and
// squares[16 + l] by w^2, in the blocks' order.
struct PackErrorArgs {
  const uint16_t* weights;
  const uint8_t* packed;
  const uint8_t* scales;
  size_t blocks;
  float tensor_scale;
  const float* e4m3_values;
  double* squares;  // 32
};

struct Table {
  uint16_t (*abs_max)(const uint16_t* weights, size_t count);
  void (*pack_nvfp4)(const uint16_t* weights, size_t blocks, float tensor_scale, uint8_t* packed,
                     uint8_t* scales);
  void (*pack_error)(const PackErrorArgs& args);
  void (*matmul_f32)(const MatMulArgs& args);
  void (*matmul_bf16)(const MatMulArgs& args);
  void (*matmul_nvfp4)(const MatMulArgs& args);
  void (*weighted_sum)(const WeightedSumArgs& args);
  const ElementwiseTable* elementwise;
  const AttentionTable* attention;
};

namespace scalar {
extern const Table kTable;
}
namespace avx2 {
extern const Table kTable;
}
namespace avx512 {
extern const Table kTable;
}

}  // namespace glimmer::kernels
