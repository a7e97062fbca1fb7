#include "kernels/index_scores.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "kernels/activations.h"
#include "tensor/fp8.h"

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
      : Keys(format, Random(count, cols, random)) {}
  Keys(CacheFormat format, const OwnedMatrix& from)
      : values(from.view().rows, from.view().cols),
        bytes(values.view().rows * CacheRowBytes(format, values.view().cols)) {
    const size_t cols = values.view().cols;
    std::ranges::copy(from.elements(), values.elements().begin());
    for (size_t u = 0; u < values.view().rows; ++u) {
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

// What a query's head and a key lose as whole numbers, each number of them at most.
struct FixedPoint {
  double query = 0, key = 0;
  FixedPoint() = default;
  FixedPoint(std::span<const float> q, const std::byte* key_row) {
    double largest = 0;
    for (const float x : q) largest = std::max(largest, std::abs(double{x}));
    query = 0x1p-12 * (1 + 0x1p-7) * largest;
    float scale;
    std::memcpy(&scale, key_row + q.size(), sizeof scale);
    key = scale / 32;
  }
};

TEST_P(IndexScoresOnEveryIsa, AreTheFormula) {
  std::mt19937 random(1);
  for (const CacheFormat format :
       {CacheFormat::kF32, CacheFormat::kBf16, CacheFormat::kE4m3, CacheFormat::kScaledE4m3}) {
    for (const size_t cols : {128u, 48u, 8u, 21u, 128u, 80u}) {
      const ActivationType type = random() % 4 == 0 ? ActivationType::kF32 : ActivationType::kBf16;
      const size_t heads = 1 + random() % 35, rows = 1 + random() % 4, count = 1 + random() % 50;
      const Keys keys(format, count, cols, random);
      const OwnedMatrix queries = Random(rows, heads * cols, random);
      const OwnedMatrix weights = Random(rows, heads, random), scores(rows, count);
      if (type == ActivationType::kBf16) RoundToBf16(queries.elements(), queries.elements());
      const bool may_be_words =
          type == ActivationType::kBf16 && format == CacheFormat::kScaledE4m3 && cols % 16 == 0;
      ScoreKeysOn(GetParam(), queries, type, weights, keys.cached, scores);
      for (size_t t = 0; t < rows; ++t) {
        for (size_t u = 0; u < count; ++u) {
          double score = 0, magnitude = 0, lost = 0;
          for (size_t h = 0; h < heads; ++h) {
            const std::span q(queries.row(t) + h * cols, cols);
            const FixedPoint fixed = may_be_words ? FixedPoint(q, keys.rows[u]) : FixedPoint();
            double dot = 0, size = 0, dot_lost = 0;
            for (size_t d = 0; d < cols; ++d) {
              const double k = keys.values.row(u)[d];
              dot += q[d] * k;
              size += std::abs(q[d] * k);
              dot_lost += fixed.query * (std::abs(k) + fixed.key) + fixed.key * std::abs(q[d]);
            }
            score += weights.row(t)[h] * std::max(dot, 0.0);
            magnitude += std::abs(weights.row(t)[h]) * size;
            lost += std::abs(weights.row(t)[h]) * dot_lost;
          }
          const double steps = static_cast<double>(cols + heads + 2);
          ASSERT_NEAR(scores.row(t)[u], score, steps * 0x1p-24 * (magnitude + lost) + lost)
              << t << " " << u;
        }
      }
    }
  }
}

// Queries and keys whose numbers are all large enough lose nothing as whole numbers.
TEST_P(IndexScoresOnEveryIsa, WholeNumbersAreExactNearTheLargest) {
  std::mt19937 random(5);
  constexpr size_t kWidth = 128;
  const OwnedMatrix query(1, kWidth), weight(1, 1), values(16, kWidth), scores(1, 16);
  weight.row(0)[0] = 1;
  // BF16 numbers of eight bits, from 1/8 of the largest on; every sum fits into F32.
  for (float& x : query.elements()) {
    x = std::ldexp(static_cast<float>(128 + random() % 128), -static_cast<int>(random() % 3));
    if (random() % 2 == 0) x = -x;
  }
  query.row(0)[0] = 255;
  for (size_t u = 0; u < 16; ++u) {
    for (size_t d = 0; d < kWidth; ++d) {  // no score is cut off at zero
      values.row(u)[d] = std::copysign(static_cast<float>(1 + random() % 15), query.row(0)[d]);
    }
  }
  const Keys keys(CacheFormat::kScaledE4m3, values);
  ScoreKeysOn(GetParam(), query, ActivationType::kBf16, weight, keys.cached, scores);
  for (size_t u = 0; u < 16; ++u) {
    double dot = 0;
    for (size_t d = 0; d < kWidth; ++d) dot += double{query.row(0)[d]} * values.row(u)[d];
    EXPECT_EQ(scores.row(0)[u], dot);
  }
}

// Sets that take words give the same bits, those with pairs aside.
TEST_P(IndexScoresOnEveryIsa, SetsWithWordsGiveTheSameBits) {
  if (GetParam() == Isa::kScalar || GetParam() == Isa::kAvx512Bf16) return;
  std::mt19937 random(7);
  const Keys keys(CacheFormat::kScaledE4m3, 37, 80, random);
  const OwnedMatrix queries = Random(3, 13 * 80, random), weights = Random(3, 13, random);
  RoundToBf16(queries.elements(), queries.elements());
  const OwnedMatrix here(3, 37), there(3, 37);
  ScoreKeysOn(GetParam(), queries, ActivationType::kBf16, weights, keys.cached, here);
  ScoreKeysOn(Isa::kAvx2, queries, ActivationType::kBf16, weights, keys.cached, there);
  for (size_t i = 0; i < here.elements().size(); ++i) {
    ASSERT_EQ(here.elements()[i], there.elements()[i]);
  }
}

TEST_P(IndexScoresOnEveryIsa, NotNumbersShow) {
  std::mt19937 random(6);
  for (const bool in_key : {true, false}) {
    Keys keys(CacheFormat::kScaledE4m3, 20, 32, random);
    const OwnedMatrix queries = Random(2, 3 * 32, random), weights = Random(2, 3, random);
    RoundToBf16(queries.elements(), queries.elements());
    const size_t row = CacheRowBytes(CacheFormat::kScaledE4m3, 32);
    if (in_key) {
      keys.bytes[17 * row + 30] = std::byte{0xFF};
    } else {
      queries.row(1)[40] = std::numeric_limits<float>::quiet_NaN();
    }
    const OwnedMatrix scores(2, 20);
    ScoreKeysOn(GetParam(), queries, ActivationType::kBf16, weights, keys.cached, scores);
    for (size_t t = 0; t < 2; ++t) {
      for (size_t u = 0; u < 20; ++u) {
        const bool is_bad = in_key ? u == 17 : t == 1;
        EXPECT_EQ(std::isfinite(scores.row(t)[u]), !is_bad) << t << " " << u;
      }
    }
  }
}

TEST_P(IndexScoresOnEveryIsa, AScoreDoesNotDependOnItsNeighbours) {
  constexpr ActivationType kType = ActivationType::kBf16;
  std::mt19937 random(2);
  const Keys keys(CacheFormat::kScaledE4m3, 37, 32, random);
  const OwnedMatrix queries = Random(5, 7 * 32, random), weights = Random(5, 7, random);
  RoundToBf16(queries.elements(), queries.elements());
  const OwnedMatrix together(5, 37), alone(1, 9);
  ScoreKeysOn(GetParam(), queries, kType, weights, keys.cached, together);
  for (size_t t = 0; t < 5; ++t) {
    ScoreKeysOn(GetParam(), queries.view().Rows(t, 1), kType, weights.view().Rows(t, 1),
                {CacheFormat::kScaledE4m3, 32, std::span(keys.rows).subspan(11, 9)}, alone);
    for (size_t u = 0; u < 9; ++u) ASSERT_EQ(alone.row(0)[u], together.row(t)[11 + u]);
  }
}

// Sixteen keys of sixteen dimensions, with a scale of 1 where the format has one, are all codes; a
// query picks one dimension and a sign. Calls check(score, expected) for each.
template <class Check>
void ForEveryCode(Isa isa, CacheFormat format, Check check) {
  constexpr size_t kWidth = 16, kRow = kWidth + sizeof(float);
  const float one = 1;
  std::vector<std::byte> bytes(16 * kRow);
  std::vector<const std::byte*> rows(16);
  for (size_t u = 0; u < rows.size(); ++u) {
    std::byte* row = bytes.data() + u * kRow;
    for (size_t d = 0; d < kWidth; ++d) row[d] = static_cast<std::byte>(u * kWidth + d);
    std::memcpy(row + kWidth, &one, sizeof one);
    rows[u] = row;
  }
  const OwnedMatrix query(1, kWidth), weight(1, 1), scores(1, 16);
  weight.row(0)[0] = 1;
  for (const float sign : {1.0f, -1.0f}) {
    for (size_t d = 0; d < kWidth; ++d) {
      std::fill(query.elements().begin(), query.elements().end(), 0.0f);
      query.row(0)[d] = sign;
      ScoreKeysOn(isa, query, ActivationType::kBf16, weight, {format, kWidth, rows}, scores);
      for (size_t u = 0; u < 16; ++u) {
        if (u % 8 == 7) continue;  // has NaN, whatever the query
        const float value = tensor::E4m3ToF32(static_cast<uint8_t>(u * kWidth + d));
        check(scores.row(0)[u], std::max(0.0f, sign * value));
      }
    }
  }
}

TEST_P(IndexScoresOnEveryIsa, EveryCodeOfAKeyIsItsValue) {
  ForEveryCode(GetParam(), CacheFormat::kE4m3,
               [](float score, float expected) { EXPECT_EQ(score, expected); });
}

TEST_P(IndexScoresOnEveryIsa, EveryCodeOfAScaledKeyIsItsValueOrTheNearestSixteenth) {
  ForEveryCode(GetParam(), CacheFormat::kScaledE4m3, [](float score, float expected) {
    EXPECT_TRUE(score == expected || score == std::floor(expected * 16 + 0.5f) / 16)
        << score << " " << expected;
  });
}

INSTANTIATE_TEST_SUITE_P(Isas, IndexScoresOnEveryIsa, ::testing::ValuesIn(AvailableIsas()),
                         [](const auto& isa) { return std::string(IsaName(isa.param)); });

}  // namespace
}  // namespace glimmer::kernels
