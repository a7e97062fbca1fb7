// A weight matrix as a checkpoint stores it: a view of mapped or owned bytes, read by the kernels
// without ever being widened in memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/fp8.h"
#include "tensor/matrix.h"

namespace glimmer::kernels {

enum class Format : uint8_t {
  kF32,
  kBf16,
  kNvfp4,  // E2M1 codes, even column in the low nibble; docs/formats.md#nvfp4
  kE4m3,   // E4M3 with an F32 scale for each row
};

// W [rows, cols], rows outputs of cols inputs.
//   w[n, k] = element[n, k]                                          kF32, kBf16
//   w[n, k] = E2M1(code[n, k]) * E4M3(block_scales[n, k / 16]) * tensor_scale      kNvfp4
//   w[n, k] = E4M3(element[n, k]) * row_scales[n]                                  kE4m3
// REQUIRES: cols % 16 == 0 and stride == cols for kNvfp4, whose block scales are not negative;
// no NaN among elements of kE4m3; elements aligned to their size. Block scales that are NaN make
// what reads them not finite.
struct Weight {
  Format format = Format::kF32;
  size_t rows = 0;
  size_t cols = 0;
  size_t stride = 0;  // elements from one row to the next; cols but for views of larger matrices
  const void* data = nullptr;                  // [rows, cols], or [rows, cols / 2] bytes of codes
  const tensor::E4m3* block_scales = nullptr;  // kNvfp4: [rows, cols / 16]
  float tensor_scale = 1;                      // kNvfp4: weight_scale_2
  const float* row_scales = nullptr;           // kE4m3: [rows]
  uint32_t id = 0;                             // for whoever made it to know it by; not read here
  float input_scale = 0;  // of quantized activations; 0 when the checkpoint has none

  bool empty() const { return data == nullptr; }
};

// Rows [first, first + count).
Weight RowsOf(const Weight& weight, size_t first, size_t count);

// Asks for the beginning of the weight, so that it is on its way into the processor's caches while
// something else is computed; the products ask for the rest as they go.
void Prefetch(const Weight& w);

// Rows [first, first + out.rows) of w in F32, its scales included.
void DecodeRows(const Weight& w, size_t first, tensor::Matrix out);

}  // namespace glimmer::kernels
