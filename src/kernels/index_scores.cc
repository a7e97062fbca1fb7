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

// Queries, and weights of their heads, as products want them; rows one behind the other.
struct NarrowQueries {
  uint16_t* pairs;
  int16_t* words;
  float* scaled_weights;

  NarrowQueries(void* scratch, float* weights)
      : pairs(static_cast<uint16_t*>(scratch)),
        words(static_cast<int16_t*>(scratch)),
        scaled_weights(weights) {}
  void Fill(const Table& table, Products products, ConstMatrix queries, ConstMatrix weights) {
    for (size_t t = 0; t < queries.rows; ++t) {
      const size_t at = t * queries.cols;
      if (products == Products::kPairs) {
        table.bf16->narrow(queries.row(t), queries.cols, pairs + at);
      } else {
        table.attention->pack_queries({.queries = queries.row(t),
                                       .heads = weights.cols,
                                       .width = queries.cols / weights.cols,
                                       .weights = weights.row(t),
                                       .words = words + at,
                                       .scaled_weights = scaled_weights + t * weights.cols});
      }
    }
  }
};

}  // namespace

void ScoreKeysOn(Isa isa, ConstMatrix queries, ActivationType type, ConstMatrix weights,
                 const CachedRows& keys, Matrix scores) {
  const size_t count = keys.rows.size();
  GLIMMER_CHECK(queries.cols == weights.cols * keys.cols && weights.rows == queries.rows);
  GLIMMER_CHECK(scores.rows == queries.rows && scores.cols == count);
  const Table& table = TableOf(isa);
  const Products products = ProductsFor(table, type, keys);
  const bool is_narrow = products != Products::kFloats;
  const size_t narrow_size = is_narrow ? queries.rows * (queries.cols / 2 + weights.cols) : 0;
  float* scratch = Scratch(ScoreKeysScratch(keys.cols) + queries.rows * kKeyPanel + narrow_size);
  float* part = scratch + ScoreKeysScratch(keys.cols);
  float* scaled_weights = part + queries.rows * kKeyPanel;
  NarrowQueries narrow(scaled_weights + queries.rows * weights.cols, scaled_weights);
  if (is_narrow) narrow.Fill(table, products, queries, weights);
  const bool is_scaled = products == Products::kWords;
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
                .query_stride = is_narrow ? queries.cols : queries.stride,
                .heads = weights.cols,
                .width = keys.cols,
                .pairs = narrow.pairs,
                .words = narrow.words,
                .weights = is_scaled ? narrow.scaled_weights : weights.data,
                .weight_stride = is_scaled ? weights.cols : weights.stride,
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
