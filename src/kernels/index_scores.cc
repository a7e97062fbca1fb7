#include "kernels/index_scores.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "kernels/dispatch.h"
#include "kernels/scratch.h"

namespace glimmer::kernels {

using tensor::ConstMatrix;
using tensor::Matrix;

void ScoreKeysOn(Isa isa, ConstMatrix queries, ConstMatrix weights, const CachedRows& keys,
                 Matrix scores) {
  const size_t count = keys.rows.size();
  GLIMMER_CHECK(queries.cols == weights.cols * keys.cols && weights.rows == queries.rows);
  GLIMMER_CHECK(scores.rows == queries.rows && scores.cols == count);
  const AttentionTable& table = *TableOf(isa).attention;
  float* scratch = Scratch(ScoreKeysScratch(keys.cols) + queries.rows * kKeyPanel);
  float* part = scratch + ScoreKeysScratch(keys.cols);
  std::array<const uint8_t*, kKeyPanel> panel{};
  for (size_t first = 0; first < count; first += kKeyPanel) {
    const size_t some = std::min(kKeyPanel, count - first);
    // Where keys run out, the last one stands in for the others.
    for (size_t u = 0; u < kKeyPanel; ++u) {
      panel[u] = reinterpret_cast<const uint8_t*>(keys.rows[first + std::min(u, some - 1)]);
    }
    const bool whole = some == kKeyPanel;
    table.score_keys({.queries = queries.data,
                      .rows = queries.rows,
                      .query_stride = queries.stride,
                      .heads = weights.cols,
                      .width = keys.cols,
                      .weights = weights.data,
                      .weight_stride = weights.stride,
                      .format = keys.format,
                      .keys = panel.data(),
                      .scores = whole ? scores.data + first : part,
                      .score_stride = whole ? scores.stride : kKeyPanel,
                      .scratch = scratch});
    for (size_t t = 0; !whole && t < queries.rows; ++t) {
      std::copy_n(part + t * kKeyPanel, some, scores.row(t) + first);
    }
  }
}

void ScoreKeys(ConstMatrix queries, ConstMatrix weights, const CachedRows& keys, Matrix scores) {
  ScoreKeysOn(ActiveIsa(), queries, weights, keys, scores);
}

}  // namespace glimmer::kernels
