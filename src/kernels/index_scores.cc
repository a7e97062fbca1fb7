#include "kernels/index_scores.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "kernels/dispatch.h"
#include "kernels/scratch.h"

namespace glimmer::kernels {

using tensor::ConstMatrix;
using tensor::Matrix;

namespace {

// Whether dot products are of BF16 pairs: not with F32 keys, nor with heads of odd widths.
bool ByPairs(const Table& table, ActivationType type, const CachedRows& keys) {
  return table.bf16 != nullptr && type == ActivationType::kBf16 &&
         keys.format != CacheFormat::kF32 && keys.cols % kKeyPanel == 0;
}

void NarrowQueries(const Table& table, ConstMatrix queries, uint16_t* pairs) {
  for (size_t t = 0; t < queries.rows; ++t) {
    table.bf16->narrow(queries.row(t), queries.cols, pairs + t * queries.cols);
  }
}

}  // namespace

void ScoreKeysOn(Isa isa, ConstMatrix queries, ActivationType type, ConstMatrix weights,
                 const CachedRows& keys, Matrix scores) {
  const size_t count = keys.rows.size();
  GLIMMER_CHECK(queries.cols == weights.cols * keys.cols && weights.rows == queries.rows);
  GLIMMER_CHECK(scores.rows == queries.rows && scores.cols == count);
  const Table& table = TableOf(isa);
  const bool by_pairs = ByPairs(table, type, keys);
  const auto score_keys = by_pairs ? table.bf16->score_keys : table.attention->score_keys;
  const size_t pair_count = by_pairs ? queries.rows * queries.cols / 2 : 0;
  float* scratch = Scratch(ScoreKeysScratch(keys.cols) + queries.rows * kKeyPanel + pair_count);
  float* part = scratch + ScoreKeysScratch(keys.cols);
  auto* pairs = reinterpret_cast<uint16_t*>(part + queries.rows * kKeyPanel);
  if (by_pairs) NarrowQueries(table, queries, pairs);
  std::array<const uint8_t*, kKeyPanel> panel{};
  for (size_t first = 0; first < count; first += kKeyPanel) {
    const size_t some = std::min(kKeyPanel, count - first);
    // Where keys run out, the last one stands in for the others.
    for (size_t u = 0; u < kKeyPanel; ++u) {
      panel[u] = reinterpret_cast<const uint8_t*>(keys.rows[first + std::min(u, some - 1)]);
    }
    const bool whole = some == kKeyPanel;
    score_keys({.queries = queries.data,
                .rows = queries.rows,
                .query_stride = by_pairs ? queries.cols : queries.stride,
                .heads = weights.cols,
                .width = keys.cols,
                .pairs = pairs,
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

void ScoreKeys(ConstMatrix queries, ActivationType type, ConstMatrix weights,
               const CachedRows& keys, Matrix scores) {
  ScoreKeysOn(ActiveIsa(), queries, type, weights, keys, scores);
}

}  // namespace glimmer::kernels
