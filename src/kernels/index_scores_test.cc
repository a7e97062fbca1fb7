#include "kernels/index_scores.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace glimmer::kernels {
namespace {

using tensor::OwnedMatrix;

class IndexScoresOnEveryIsa : public ::testing::TestWithParam<Isa> {};

OwnedMatrix Random(size_t rows, size_t cols, std::mt19937& random) {
  std::normal_distribution<float> normal;
  OwnedMatrix matrix(rows, cols);
  for (float& x : matrix.elements()) x = normal(random);
  return matrix;
}

struct Keys {
  Keys(CacheFormat format, size_t count, size_t cols, std::mt19937& random)
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

TEST_P(IndexScoresOnEveryIsa, AreTheFormula) {
  std::mt19937 random(1);
  for (const CacheFormat format :
       {CacheFormat::kF32, CacheFormat::kBf16, CacheFormat::kScaledE4m3}) {
    for (const size_t cols : {128u, 8u, 21u}) {
      const size_t heads = 1 + random() % 35, rows = 1 + random() % 4, count = 1 + random() % 50;
      const Keys keys(format, count, cols, random);
      const OwnedMatrix queries = Random(rows, heads * cols, random);
      const OwnedMatrix weights = Random(rows, heads, random), scores(rows, count);
      ScoreKeysOn(GetParam(), queries, weights, keys.cached, scores);
      for (size_t t = 0; t < rows; ++t) {
        for (size_t u = 0; u < count; ++u) {
          double score = 0, magnitude = 0;
          for (size_t h = 0; h < heads; ++h) {
            double dot = 0, size = 0;
            for (size_t d = 0; d < cols; ++d) {
              const double product = double{queries.row(t)[h * cols + d]} * keys.values.row(u)[d];
              dot += product;
              size += std::abs(product);
            }
            score += weights.row(t)[h] * std::max(dot, 0.0);
            magnitude += std::abs(weights.row(t)[h]) * size;
          }
          const double steps = static_cast<double>(cols + heads + 2);
          ASSERT_NEAR(scores.row(t)[u], score, steps * 0x1p-24 * magnitude) << t << " " << u;
        }
      }
    }
  }
}

TEST_P(IndexScoresOnEveryIsa, AScoreDoesNotDependOnItsNeighbours) {
  std::mt19937 random(2);
  const Keys keys(CacheFormat::kScaledE4m3, 37, 32, random);
  const OwnedMatrix queries = Random(5, 7 * 32, random), weights = Random(5, 7, random);
  const OwnedMatrix together(5, 37), alone(1, 9);
  ScoreKeysOn(GetParam(), queries, weights, keys.cached, together);
  for (size_t t = 0; t < 5; ++t) {
    ScoreKeysOn(GetParam(), queries.view().Rows(t, 1), weights.view().Rows(t, 1),
                {CacheFormat::kScaledE4m3, 32, std::span(keys.rows).subspan(11, 9)}, alone);
    for (size_t u = 0; u < 9; ++u) ASSERT_EQ(alone.row(0)[u], together.row(t)[11 + u]);
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, IndexScoresOnEveryIsa, ::testing::ValuesIn(AvailableIsas()),
                         [](const auto& isa) { return std::string(IsaName(isa.param)); });

}  // namespace
}  // namespace glimmer::kernels
