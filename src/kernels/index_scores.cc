#include "kernels/index_scores.h"

#include <algorithm>

#include "base/check.h"
#include "kernels/dispatch.h"
#include "kernels/scratch.h"

namespace glimmer::kernels {

using tensor::ConstMatrix;
using tensor::Matrix;

void ScoreKeysOn(Isa isa, ConstMatrix queries, ConstMatrix weights, const CachedRows& keys,
                 Matrix scores) {
  const size_t width = keys.cols, stride = PaddedCols(width), count = keys.rows.size();
  GLIMMER_CHECK(queries.cols == weights.cols * width && weights.rows == queries.rows);
  GLIMMER_CHECK(scores.rows == queries.rows && scores.cols == count);
  const Table& table = TableOf(isa);
  float* decoded = Scratch((2 * stride + queries.rows) * kKeyPanel);
  float* panel = decoded + stride * kKeyPanel;
  float* part = panel + stride * kKeyPanel;
  for (size_t first = 0; first < count; first += kKeyPanel) {
    const size_t some = std::min(kKeyPanel, count - first);
    for (size_t u = 0; u < some; ++u) {
      table.elementwise->load_row(keys.format,
                                  reinterpret_cast<const uint8_t*>(keys.rows[first + u]), width,
                                  decoded + u * stride);
    }
    const bool whole = some == kKeyPanel;
    table.attention->score_keys({.queries = queries.data,
                                 .rows = queries.rows,
                                 .query_stride = queries.stride,
                                 .heads = weights.cols,
                                 .width = width,
                                 .weights = weights.data,
                                 .weight_stride = weights.stride,
                                 .keys = decoded,
                                 .key_stride = stride,
                                 .scores = whole ? scores.data + first : part,
                                 .score_stride = whole ? scores.stride : kKeyPanel,
                                 .panel = panel});
    for (size_t t = 0; !whole && t < queries.rows; ++t) {
      std::copy_n(part + t * kKeyPanel, some, scores.row(t) + first);
    }
  }
}

void ScoreKeys(ConstMatrix queries, ConstMatrix weights, const CachedRows& keys, Matrix scores) {
  ScoreKeysOn(ActiveIsa(), queries, weights, keys, scores);
}

}  // namespace glimmer::kernels
