#include "kernels/top_k.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace glimmer::kernels {
namespace {

class TopKOnEveryIsa : public ::testing::TestWithParam<Isa> {};

TEST_P(TopKOnEveryIsa, TakesTheLargestAscending) {
  const float scores[] = {3, -1, 7, 5, 2};
  EXPECT_EQ(TopKOn(GetParam(), scores, 0), std::vector<uint32_t>());
  EXPECT_EQ(TopKOn(GetParam(), scores, 1), (std::vector<uint32_t>{2}));
  EXPECT_EQ(TopKOn(GetParam(), scores, 3), (std::vector<uint32_t>{0, 2, 3}));
  EXPECT_EQ(TopKOn(GetParam(), scores, 5), (std::vector<uint32_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(TopKOn(GetParam(), scores, 9), (std::vector<uint32_t>{0, 1, 2, 3, 4}));
}

TEST_P(TopKOnEveryIsa, AmongEqualsTheLowerIndexWins) {
  const float scores[] = {0, 4, 0, 4, 0, 4, -0.0f};
  EXPECT_EQ(TopKOn(GetParam(), scores, 2), (std::vector<uint32_t>{1, 3}));
  EXPECT_EQ(TopKOn(GetParam(), scores, 4), (std::vector<uint32_t>{0, 1, 3, 5}));
  EXPECT_EQ(TopKOn(GetParam(), scores, 6), (std::vector<uint32_t>{0, 1, 2, 3, 4, 5}));
}

TEST_P(TopKOnEveryIsa, NanComesLast) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float scores[] = {nan, -5, nan, 1};
  EXPECT_EQ(TopKOn(GetParam(), scores, 2), (std::vector<uint32_t>{1, 3}));
  EXPECT_EQ(TopKOn(GetParam(), scores, 3).size(), 3u);
}

TEST_P(TopKOnEveryIsa, EqualsSortingForRandomScores) {
  std::mt19937 random(9);
  for (int round = 0; round < 200; ++round) {
    std::vector<float> scores(1 + random() % (round < 100 ? 50 : 3000));
    // Few values with many ties, and many that differ in their last bits.
    const auto values = round % 2 == 0 ? 8 : 100000;
    for (float& s : scores) s = static_cast<float>(random() % values) * 1e-4f - 0.3f;
    if (round % 5 == 0) scores[0] = -std::numeric_limits<float>::infinity();
    const size_t k = random() % (scores.size() + 1);
    std::vector<uint32_t> order(scores.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
    order.resize(k);
    std::sort(order.begin(), order.end());
    EXPECT_EQ(TopKOn(GetParam(), scores, k), order);
  }
}

TEST_P(TopKOnEveryIsa, ANegativeZeroEqualsZero) {
  std::vector<float> scores(40, -0.0f);
  scores[30] = 0.0f;
  EXPECT_EQ(TopKOn(GetParam(), scores, 2), (std::vector<uint32_t>{0, 1}));
}

TEST_P(TopKOnEveryIsa, InfinitiesAndNanHaveTheirPlaces) {
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> scores(20, -infinity);
  scores[3] = std::numeric_limits<float>::quiet_NaN();
  scores[17] = -1e38f;
  scores[18] = infinity;
  EXPECT_EQ(TopKOn(GetParam(), scores, 2), (std::vector<uint32_t>{17, 18}));
  EXPECT_EQ(TopKOn(GetParam(), scores, 6), (std::vector<uint32_t>{0, 1, 2, 3, 17, 18}));
}

INSTANTIATE_TEST_SUITE_P(Isas, TopKOnEveryIsa, ::testing::ValuesIn(AvailableIsas()),
                         [](const auto& isa) { return std::string(IsaName(isa.param)); });

}  // namespace
}  // namespace glimmer::kernels
