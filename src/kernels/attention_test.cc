#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/dispatch.h"

namespace glimmer::kernels {
namespace {

using tensor::ConstMatrix;
using tensor::OwnedMatrix;

class AttentionOnEveryIsa : public ::testing::TestWithParam<Isa> {};

OwnedMatrix Random(size_t rows, size_t cols, std::mt19937& random) {
  std::normal_distribution<float> normal;
  OwnedMatrix matrix(rows, cols);
  for (float& x : matrix.elements()) x = normal(random);
  return matrix;
}

// Rows in a cache, and what they mean.
struct Cache {
  Cache(CacheFormat format, size_t count, size_t cols, std::mt19937& random)
      : values(Random(count, cols, random)), bytes(count * CacheRowBytes(format, cols)) {
    for (size_t u = 0; u < count; ++u) {
      std::byte* row = bytes.data() + u * CacheRowBytes(format, cols);
      StoreCacheRow(format, values.view().row_span(u), row);
      LoadCacheRow(format, row, values.view().row_span(u));
      rows.push_back(row);
    }
    cached = {format, cols, rows};
  }
  OwnedMatrix values;
  std::vector<std::byte> bytes;
  std::vector<const std::byte*> rows;
  CachedRows cached;
};

// In double; sees(n, u) says whether query n sees position u. The bound: with e the error of a
// score (times the scale, see the header) and E = e + 4 * 2^-24 that of a weight, a weight's share
// of the total is off by 2 E, sums over S positions by S * 2^-24 twice, and each merging or new
// maximum (one for 64 positions) by another E.
template <class Sees>
void ExpectAttention(ConstMatrix queries, ConstMatrix keys, ConstMatrix values, float scale,
                     Sees sees, ConstMatrix y) {
  constexpr double kUlp = 0x1p-24;
  for (size_t n = 0; n < queries.rows; ++n) {
    std::vector<double> scores(keys.rows, -INFINITY);
    double largest = -INFINITY, magnitude = 0;
    for (size_t u = 0; u < keys.rows; ++u) {
      if (!sees(n, u)) continue;
      double dot = 0, size = 0;
      for (size_t k = 0; k < keys.cols; ++k) {
        dot += double{queries.row(n)[k]} * keys.row(u)[k];
        size += std::abs(double{queries.row(n)[k]} * keys.row(u)[k]);
      }
      scores[u] = dot * scale;
      largest = std::max(largest, scores[u]);
      magnitude = std::max(magnitude, size);
    }
    double total = 0;
    for (double& score : scores) total += score = std::exp(score - largest);
    const auto width = static_cast<double>(keys.cols), count = static_cast<double>(keys.rows);
    const double weight = ((width / 8 + 14) * scale * magnitude + 4) * kUlp;
    const double bound = weight * (2 + count / 64) + 2 * count * kUlp;
    for (size_t d = 0; d < values.cols; ++d) {
      double sum = 0, size = 0;
      for (size_t u = 0; u < keys.rows; ++u) {
        sum += scores[u] / total * values.row(u)[d];
        size += scores[u] / total * std::abs(values.row(u)[d]);
      }
      ASSERT_NEAR(y.row(n)[d], sum, bound * size) << "row " << n << " column " << d;
    }
  }
}

constexpr auto kSeesAll = [](size_t, size_t) { return true; };

TEST_P(AttentionOnEveryIsa, CachedRowsInEveryFormat) {
  std::mt19937 random(1);
  for (const CacheFormat format : {CacheFormat::kF32, CacheFormat::kBf16, CacheFormat::kE4m3}) {
    for (const size_t count : {1u, 3u, 64u, 65u, 200u}) {
      const size_t heads = 1 + random() % 20, rank = 16 + random() % 60;
      const Cache cache(format, count, rank + 8, random);
      const OwnedMatrix queries = Random(heads, rank + 8, random), y(heads, rank);
      SoftmaxSums sums(GetParam(), queries, rank, 0.3f);
      sums.Add(cache.cached);
      sums.Finish(y);
      ExpectAttention(queries, cache.values, cache.values.view().Cols(0, rank), 0.3f, kSeesAll, y);
    }
  }
}

TEST_P(AttentionOnEveryIsa, TheShapesOfTheModel) {
  std::mt19937 random(2);
  const Cache cache(CacheFormat::kE4m3, 300, 576, random);
  const OwnedMatrix queries = Random(16, 576, random), y(16, 512);
  SoftmaxSums sums(GetParam(), queries, 512, 0.0625f);
  sums.Add(cache.cached);
  sums.Finish(y);
  ExpectAttention(queries, cache.values, cache.values.view().Cols(0, 512), 0.0625f, kSeesAll, y);
}

TEST_P(AttentionOnEveryIsa, MergedPartsAreTheWhole) {
  std::mt19937 random(3);
  const Cache cache(CacheFormat::kF32, 150, 40, random);
  const OwnedMatrix queries = Random(5, 40, random), y(5, 32);
  SoftmaxSums sums(GetParam(), queries, 32, 1.0f), first(GetParam(), queries, 32, 1.0f),
      second(GetParam(), queries, 32, 1.0f);
  first.Add({CacheFormat::kF32, 40, std::span(cache.rows).first(100)});
  second.Add({CacheFormat::kF32, 40, std::span(cache.rows).subspan(100)});
  sums.Merge(first);
  sums.Merge(second);
  sums.Finish(y);
  ExpectAttention(queries, cache.values, cache.values.view().Cols(0, 32), 1.0f, kSeesAll, y);
}

// Keys and values by block, each query seeing some; a block is passed over by some queries.
TEST_P(AttentionOnEveryIsa, OnlyVisiblePositionsCount) {
  std::mt19937 random(4);
  for (const size_t queries_count : {1u, 7u, 64u}) {
    const OwnedMatrix keys = Random(150, 50, random), values = Random(150, 33, random);
    const OwnedMatrix queries = Random(queries_count, 50, random), y(queries_count, 33);
    // Row n sees every third position below 2 n + 1 and the second block only if n is odd.
    const auto sees = [](size_t n, size_t u) {
      return u / kAttentionBlock == 1 ? n % 2 == 1 : u % 3 == 0 && u <= 2 * n;
    };
    SoftmaxSums sums(GetParam(), queries, 33, 0.2f);
    for (size_t u = 0; u < 150; u += kAttentionBlock) {
      const size_t count = std::min<size_t>(kAttentionBlock, 150 - u);
      std::vector<uint64_t> visible(queries_count, 0);
      for (size_t n = 0; n < queries_count; ++n) {
        for (size_t i = 0; i < count; ++i) visible[n] |= uint64_t{sees(n, u + i)} << i;
      }
      const ConstMatrix block = keys.view().Rows(u, count);
      sums.Add({block.Cols(0, 42), block.Cols(42, 8), values.view().Rows(u, count)}, visible);
    }
    sums.Finish(y);
    ExpectAttention(queries, keys, values, 0.2f, sees, y);
  }
}

// Scores of some thousand: only the running maximum keeps the exponentials finite.
TEST_P(AttentionOnEveryIsa, LargeScoresDoNotOverflow) {
  std::mt19937 random(5);
  const Cache cache(CacheFormat::kF32, 130, 16, random);
  const OwnedMatrix queries = Random(4, 16, random), y(4, 16);
  SoftmaxSums sums(GetParam(), queries, 16, 500.0f);
  sums.Add(cache.cached);
  sums.Finish(y);
  ExpectAttention(queries, cache.values, cache.values, 500.0f, kSeesAll, y);
}

TEST_P(AttentionOnEveryIsa, AQueryDoesNotDependOnThoseBesideIt) {
  std::mt19937 random(6);
  const Cache cache(CacheFormat::kBf16, 100, 72, random);
  const OwnedMatrix queries = Random(23, 72, random), together(23, 64), alone(1, 64);
  SoftmaxSums all(GetParam(), queries, 64, 0.1f);
  all.Add(cache.cached);
  all.Finish(together);
  for (size_t n = 0; n < 23; ++n) {
    SoftmaxSums one(GetParam(), queries.view().Rows(n, 1), 64, 0.1f);
    one.Add(cache.cached);
    one.Finish(alone);
    for (size_t d = 0; d < 64; ++d) ASSERT_EQ(together.row(n)[d], alone.row(0)[d]);
  }
}

TEST_P(AttentionOnEveryIsa, ANanDoesNotDisappear) {
  std::mt19937 random(7);
  const OwnedMatrix rows = Random(3, 16, random), queries = Random(2, 16, random), y(2, 16);
  rows.row(1)[5] = NAN;
  SoftmaxSums sums(GetParam(), queries, 16, 1.0f);
  const OwnedMatrix none(3, 0);
  const uint64_t visible[] = {7, 5};
  sums.Add({rows, none, rows}, visible);
  sums.Finish(y);
  EXPECT_TRUE(std::isnan(y.row(0)[0]));
}

INSTANTIATE_TEST_SUITE_P(Isas, AttentionOnEveryIsa, ::testing::ValuesIn(AvailableIsas()),
                         [](const auto& isa) { return std::string(IsaName(isa.param)); });

}  // namespace
}  // namespace glimmer::kernels
