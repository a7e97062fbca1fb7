// What each instruction set provides for attention.h, head_products.h and top_k.h, behind plain
// pointers; those headers say what is computed. Strides count elements.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cache_format.h"

namespace glimmer::kernels {

// Positions that one call of `attend` takes: one bit each in a word of `visible`.
constexpr size_t kAttentionBlock = 64;
// Keys that are scored together, one to a lane.
constexpr size_t kKeyPanel = 16;
// Bits of a score that one step of choosing the largest looks at, at most.
constexpr unsigned kMaxBucketBits = 11;

// One block of positions added to the softmax-weighted sums of `rows` queries:
//   s[n, u] = scale * q[n] · k[u]  for the visible u;  m' = max(m, s);  p[n, u] = exp(s[n, u] - m')
//   sums[n] = exp(m - m') sums[n] + sum_u p[n, u] v[u];  totals alike;  m = m'
// A row without a visible position stays as it is.
// REQUIRES: width and value_cols are multiples of kKeyPanel; there is memory for keys up to the
// next multiple of four, and their values do not matter.
struct AttendArgs {
  const float* queries;  // [rows, width]
  size_t rows, query_stride, width;
  const float* keys;  // [count, width]
  size_t key_stride;
  const float* values;  // [count, value_cols]
  size_t value_stride, value_cols;
  size_t count;             // at most kAttentionBlock
  const uint64_t* visible;  // [rows], bit u for position u; none from `count` on
  float scale;
  float* maxima;  // [rows], of q · k before scaling; minus infinity before the first position
  float* totals;  // [rows]
  float* sums;    // [rows, value_cols]
  size_t sum_stride;
  float* scores;  // scratch, [rows, kAttentionBlock]
};

// scores[t, u] = sum_h weights[t, h] max(q[t, h] · k[u], 0) for kKeyPanel keys as a cache stores
// them.
struct ScoreKeysArgs {
  const float* queries;  // [rows, heads * width]
  size_t rows, query_stride, heads, width;
  const uint16_t* pairs;  // instead of queries, the same in BF16 (bf16_table.h),
  const int16_t* words;   // or as whole numbers, for keys in kScaledE4m3, by PackQueriesArgs
  const float* weights;   // [rows, heads]; with words their scaled_weights
  size_t weight_stride;
  CacheFormat format;
  const uint8_t* const* keys;  // [kKeyPanel] rows of `width` values
  float* scores;               // [rows, kKeyPanel]
  size_t score_stride;
  float* scratch;  // ScoreKeysScratch floats
};
// The queries of one row as whole numbers, and the weights of heads times their units.
struct PackQueriesArgs {
  const float* queries;  // [heads, width]
  size_t heads, width;
  const float* weights;  // [heads]
  int16_t* words;        // [heads, width]
  float* scaled_weights;
};
constexpr size_t ScoreKeysScratch(size_t width) {
  return 2 * kKeyPanel * ((width + kKeyPanel - 1) / kKeyPanel * kKeyPanel);
}

// Rows of a weight (weight.h) and vectors that meet them:
//   sum_rows:  y[t, k] = scale * sum_n x[t, n] w[n, k]    x [x_rows, w_rows], y [x_rows, cols]
//   dot_rows:  y[t, n] = scale * sum_k x[t, k] w[n, k]    x [x_rows, cols], y [x_rows, w_rows]
struct HeadProductArgs {
  const float* x;
  size_t x_rows, x_stride;
  const void* w;
  const uint8_t* block_scales;  // NVFP4: [w_rows, cols / 16]
  size_t w_rows, w_stride, cols;
  float scale;
  const float* e4m3_values;  // what each of the 256 codes means
  float* y;
  size_t y_stride;
  float* scratch;  // HeadScratch floats
};
// Rows of a weight that are decoded together for dot products.
constexpr size_t kHeadTileRows = 3;
constexpr size_t HeadScratch(size_t x_rows, size_t w_rows, size_t cols) {
  return w_rows * kKeyPanel + (kHeadTileRows + x_rows) * cols;
}
struct HeadProductFunctions {
  void (*sum_rows)(const HeadProductArgs& args);
  void (*dot_rows)(const HeadProductArgs& args);
};

// One vector, as sum_rows with NVFP4 rows, in whole numbers (head_products.h).
// REQUIRES: cols is a multiple of kWordCols; at most kMaxWordRows rows.
struct HeadWordArgs {
  const float* x;               // [w_rows]
  const uint8_t* codes;         // [w_rows, cols / 2]
  const uint8_t* block_scales;  // [w_rows, cols / 16]
  size_t w_rows, cols;
  float scale;
  float* y;        // [cols]
  float* scratch;  // HeadWordScratch floats
};
constexpr size_t kWordCols = 128, kMaxWordRows = 2048;
// Two rows' numbers share 32 bits; five arrays are padded to whole vectors.
constexpr size_t HeadWordScratch(size_t w_rows, size_t cols) {
  return (w_rows + (w_rows + 1) / 2 + 2) * (cols / 16) + cols + 5 * 8;
}

// Scores in an order of unsigned numbers: 0 like -0, NaN like minus infinity (top_k.h). Counts
// those whose bits from `shift + bits` up equal `prefix`, by the next `bits` bits.
struct CountBucketsArgs {
  const float* scores;
  size_t count;
  unsigned shift, bits;
  uint32_t prefix;   // not looked at if shift + bits is 32
  uint32_t* counts;  // [2^bits], added to
};

struct AttentionTable {
  void (*attend)(const AttendArgs& args);
  void (*score_keys)(const ScoreKeysArgs& args);
  // The same with words, where width is a multiple of kKeyPanel, and what makes them; or both null.
  void (*score_keys_by_words)(const ScoreKeysArgs& args);
  void (*pack_queries)(const PackQueriesArgs& args);
  HeadProductFunctions f32, bf16, nvfp4;
  void (*sum_rows_by_words)(const HeadWordArgs& args);  // or null
  void (*count_buckets)(const CountBucketsArgs& args);
  // Indices of the scores above the threshold and of the first `equal` that equal it, ascending;
  // returns how many.
  size_t (*list_chosen)(const float* scores, size_t count, float threshold, size_t equal,
                        uint32_t* out);
};

}  // namespace glimmer::kernels
