// What each instruction set provides: one function for each kernel, behind plain pointers, so that
// the files compiled with special flags share no inline code with the rest of the program (an
// inline function compiled for AVX-512 could otherwise be the copy that the linker keeps).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/attention_table.h"
#include "kernels/bf16_table.h"
#include "kernels/elementwise_table.h"

namespace glimmer::kernels {

constexpr size_t kFormats = 4;  // of weights

// Rows of activations that a product of many rows reads side by side, in groups of kGroupRows, and
// in blocks of kBlockCols columns, so that what is multiplied together stands together:
// [block][group][step][row of the group][kGroupLanes columns]. Rows and the last step are padded
// with zeros; the last block has the steps that it needs.
constexpr size_t kGroupRows = 3;
constexpr size_t kGroupLanes = 8;
constexpr size_t kBlockCols = 512;

constexpr size_t GroupsOf(size_t rows) { return (rows + kGroupRows - 1) / kGroupRows; }
constexpr size_t GroupSteps(size_t cols) { return (cols + kGroupLanes - 1) / kGroupLanes; }
// Where a group's part of the `cols` columns from `first` on, which are a block, begins.
constexpr size_t GroupPlace(size_t groups, size_t group, size_t first, size_t cols) {
  return kGroupRows * (groups * first + group * GroupSteps(cols) * kGroupLanes);
}
// Columns of one step of the integer products: the codes of a cache line.
constexpr size_t kIntBlock = 128;
constexpr size_t kIntSixteens = kIntBlock / 16;
constexpr size_t kIntPadding = 256;  // few rows are padded with zeros to a multiple of this
constexpr size_t kIntGroupRows = 4;  // of many rows, side by side
constexpr int kIntOffset = 128;      // added to each byte of many rows
// Where the scale of a block's sixteen stands among its eight.
constexpr size_t kSixteenPlaces[kIntSixteens] = {0, 1, 4, 5, 2, 3, 6, 7};
// Bytes of scratch memory that a product may write, aligned to 64.
constexpr size_t kMatMulScratch = 48 * 1024;

// y[t, n] = scale * sum_k x[t, k] w[n, k] for t < x_rows, n < w_rows. Strides count elements.
struct MatMulArgs {
  const float* x;  // rows of x_stride floats, or groups of kGroupRows
  size_t x_rows, x_stride;
  const uint16_t* pairs;        // instead of x, BF16 in groups of kPairRows (bf16_table.h)
  const void* w;                // rows of `w_stride` elements of the function's format
  const uint8_t* block_scales;  // NVFP4: [w_rows, cols / 16]
  const float* row_scales;      // E4M3: [w_rows]
  size_t w_rows, w_stride;
  size_t cols;
  float scale;
  float* y;
  size_t y_stride;
  const float* e4m3_values;        // what each of the 256 codes means
  const uint16_t* nvfp4_products;  // [256, 16] E4M3 code times E2M1 code in BF16
  std::byte* scratch;              // kMatMulScratch bytes
};

// Few rows of activations as whole numbers, of one digit (INT8) or two in base 256, in blocks of
// kIntBlock columns:  x[t, k] = row_scales[t] * scales[t, sixteen of k] * n.
struct IntRows {
  // For each digit, the most significant first: the block's 64 even columns, then its 64 odd ones.
  const int8_t* digits;        // [rows, blocks, digits, 128], digits from -128 to 127
  const int32_t* corrections;  // [rows, blocks, 8] 12 times the sum of a sixteen, at kSixteenPlaces
  const float* scales;         // [rows, blocks, 8] likewise, the largest of a row about 2^118, so
                               // that their products with scales of weights times 2^-120 are
                               // normal; or, if that is less, 2^126 times what it was
  const float* row_scales;     // [rows] powers of two
  size_t rows;
};

// Many rows of whole numbers, in groups of kIntGroupRows, absent rows zero. Of 8 bits:
//   x[t, k] = row_scales[t] * scales[t, block of kIntBlock columns] * (n - kIntOffset)
// or of 16:
//   x[t, k] = row_scales[t] * scales[t, sixteen] * n.
struct IntGroups {
  // Of each sixteen of columns and each row of the group its eight even columns, then the odd ones.
  const uint8_t* bytes;     // [groups, blocks, 8, kIntGroupRows, 16]
  const int16_t* words;     // the same with columns in order
  const float* scales;      // [groups, blocks or sixteens, kIntGroupRows], sized as above
  const float* row_scales;  // [rows]
  size_t rows;
};

// y[t, n] = scale * sum_k x[t, k] w[n, k] with NVFP4 weights.
struct IntMatMulArgs {
  IntRows x;                    // few rows,
  IntGroups groups;             // or many
  const uint8_t* codes;         // [w_rows, cols / 2]
  const uint8_t* block_scales;  // [w_rows, cols / 16]
  size_t w_rows, cols;
  float scale;
  float* y;
  size_t y_stride;
  std::byte* scratch;  // kMatMulScratch bytes
};

// A row into IntRows, as if its own scale were 1.
struct PackIntArgs {
  const float* x;
  size_t cols;
  int8_t* digits;
  int32_t* corrections;
  float* scales;
};

// Up to kIntGroupRows rows into a group of IntGroups, likewise.
struct PackIntGroupArgs {
  const float* const* rows;
  size_t count, cols;
  uint8_t* bytes;  // either
  int16_t* words;  // or
  float* scales;
};

// Of up to kGroupRows rows the `cols` columns from `first` on into a group's part of a block.
struct PackGroupArgs {
  const float* const* rows;
  size_t count, first, cols;
  float* to;
};

// Sums of errors that run beside each other: every sixteenth weight goes to the same.
constexpr size_t kErrorLanes = 16;

// The error of packed blocks, lane by lane of a block: squares[l] grows by (w - w')^2 and
// squares[16 + l] by w^2, in the blocks' order.
struct PackErrorArgs {
  const uint16_t* weights;
  const uint8_t* packed;
  const uint8_t* scales;
  size_t blocks;
  float tensor_scale;
  const float* e4m3_values;
  double* squares;  // 2 * kErrorLanes
};

// A row into E4M3 (e4m3_pack.h) and its error, summed as above.
struct PackE4m3Args {
  const uint16_t* weights;
  size_t count;
  float scale;
  uint8_t* codes;
  double* squares;  // 2 * kErrorLanes
};

struct Table {
  uint16_t (*abs_max)(const uint16_t* weights, size_t count);
  void (*pack_nvfp4)(const uint16_t* weights, size_t blocks, float tensor_scale, uint8_t* packed,
                     uint8_t* scales);
  void (*pack_error)(const PackErrorArgs& args);
  void (*pack_e4m3)(const PackE4m3Args& args);
  // By kernels::Format: rows of x as they stand, best for one or two; and in groups.
  void (*matmul_plain[kFormats])(const MatMulArgs& args);
  void (*matmul_groups[kFormats])(const MatMulArgs& args);
  void (*matmul_int16)(const IntMatMulArgs& args);
  void (*matmul_int8)(const IntMatMulArgs& args);
  void (*matmul_int16_groups)(const IntMatMulArgs& args);
  void (*matmul_int8_groups)(const IntMatMulArgs& args);
  void (*pack_group)(const PackGroupArgs& args);
  void (*pack_int16)(const PackIntArgs& args);
  void (*pack_int8)(const PackIntArgs& args);
  void (*pack_int16_group)(const PackIntGroupArgs& args);
  void (*pack_int8_group)(const PackIntGroupArgs& args);
  const ElementwiseTable* elementwise;
  const AttentionTable* attention;
  const Bf16Table* bf16;  // null where the set has no products of BF16 pairs
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
namespace avx512bf16 {
extern const Table kTable;
}

}  // namespace glimmer::kernels
