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

// What dot products are made of: F32 numbers, BF16 pairs, or 16-bit whole numbers.
enum class Products : uint8_t { kFloats, kPairs, kWords };

Products ProductsFor(const Table& table, ActivationType type, const CachedRows& keys) {
  const bool rounded = type == ActivationType::kBf16 && keys.cols % kKeyPanel == 0;
  if (!rounded) return Products::kFloats;
  if (table.bf16 != nullptr) {
    return keys.format == CacheFormat::kF32 ? Products::kFloats : Products::kPairs;
  }
  const bool has_words = table.attention->score_keys_by_words != nullptr;
  return has_words && keys.format == CacheFormat::kScaledE4m3 ? Products::kWords
                                                              : Products::kFloats;
}

auto FunctionFor(const Table& table, Products products) {
  switch (products) {
    case Products::kFloats:
      return table.attention->score_keys;
    case Products::kPairs:
      return table.bf16->score_keys;
    case Products::kWords:
      break;
  }
  return table.attention->score_keys_by_words;
}

void NarrowToPairs(const Table& table, ConstMatrix queries, uint16_t* pairs) {
  for (size_t t = 0; t < queries.rows; ++t) {
    table.bf16->narrow(queries.row(t), queries.cols, pairs + t * queries.cols);
  }
}

// Heads of `width` numbers; scaled_weights [T, N].
void NarrowToWords(const Table& table, ConstMatrix queries, ConstMatrix weights, size_t width,
                   int16_t* words, float* scaled_weights) {
  for (size_t t = 0; t < queries.rows; ++t) {
    table.attention->pack_queries({.queries = queries.row(t),
                                   .heads = weights.cols,
                                   .width = width,
                                   .weights = weights.row(t),
                                   .words = words + t * queries.cols,
                                   .scaled_weights = scaled_weights + t * weights.cols});
  }
}

}  // namespace

void ScoreKeysOn(Isa isa, ConstMatrix queries, ActivationType type, ConstMatrix weights,
                 const CachedRows& keys, Matrix scores) {
  const size_t count = keys.rows.size();
  GLIMMER_CHECK(queries.cols == weights.cols * keys.cols && weights.rows == queries.rows);
  GLIMMER_CHECK(scores.rows == queries.rows && scores.cols == count);
  const Table& table = TableOf(isa);
  const Products products = ProductsFor(table, type, keys);
  const bool by_pairs = products == Products::kPairs, by_words = products == Products::kWords;
  const size_t narrow = by_pairs || by_words ? queries.rows * queries.cols / 2 : 0;
  const size_t scaled = by_words ? queries.rows * weights.cols : 0;
  float* scratch =
      Scratch(ScoreKeysScratch(keys.cols) + queries.rows * kKeyPanel + narrow + scaled);
  float* part = scratch + ScoreKeysScratch(keys.cols);
  float* narrow_queries = part + queries.rows * kKeyPanel;
  float* scaled_weights = narrow_queries + narrow;
  auto* pairs = reinterpret_cast<uint16_t*>(narrow_queries);
  auto* words = reinterpret_cast<int16_t*>(narrow_queries);
  if (by_pairs) NarrowToPairs(table, queries, pairs);
  if (by_words) NarrowToWords(table, queries, weights, keys.cols, words, scaled_weights);
  const auto score_keys = FunctionFor(table, products);
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
                .query_stride = by_pairs || by_words ? queries.cols : queries.stride,
                .heads = weights.cols,
                .width = keys.cols,
                .pairs = pairs,
                .words = words,
                .weights = by_words ? scaled_weights : weights.data,
                .weight_stride = by_words ? weights.cols : weights.stride,
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
