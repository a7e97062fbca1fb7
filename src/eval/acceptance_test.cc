#include "eval/acceptance.h"

#include <gtest/gtest.h>

#include <cmath>

namespace glimmer::eval {
namespace {

using Ids = std::vector<text::TokenId>;

TEST(Acceptance, AChainEndsAtItsFirstDifference) {
  Acceptance acceptance(3);
  const Ids greedy = {1, 2, 3};
  acceptance.Add(Ids{1, 2, 3}, greedy);  // 3
  acceptance.Add(Ids{1, 9, 3}, greedy);  // 1: draft 3 agrees behind a difference
  acceptance.Add(Ids{9, 2, 3}, greedy);  // 0
  acceptance.Add(Ids{1, 2, 9}, greedy);  // 2
  acceptance.Add(Ids{1, 3, 2}, greedy);  // 1
  const AcceptanceReport report = acceptance.Report();
  EXPECT_EQ(report.chains, 5u);
  ASSERT_EQ(report.accepted.size(), 3u);
  EXPECT_DOUBLE_EQ(report.accepted[0].value, 4.0 / 5);
  EXPECT_DOUBLE_EQ(report.accepted[1].value, 2.0 / 5);
  EXPECT_DOUBLE_EQ(report.accepted[2].value, 1.0 / 5);
  EXPECT_DOUBLE_EQ(report.accepted[0].standard_error, std::sqrt(0.8 * 0.2 / 4));
  // (3 + 1 + 0 + 2 + 1) / 5; the variance of these is 5.2 / 5.
  EXPECT_DOUBLE_EQ(report.accepted_length.value, 1.4);
  EXPECT_DOUBLE_EQ(report.accepted_length.standard_error, std::sqrt(5.2 / 5 / 4));
  EXPECT_DOUBLE_EQ(report.tokens_per_step(), 2.4);
}

TEST(Acceptance, TheMeanLengthIsTheSumOfTheShares) {
  Acceptance acceptance(2);
  for (text::TokenId i = 0; i < 100; ++i) acceptance.Add(Ids{i % 3, i % 5}, Ids{0, 0});
  const AcceptanceReport report = acceptance.Report();
  EXPECT_DOUBLE_EQ(report.accepted[0].value, 0.34);  // multiples of 3 below 100
  EXPECT_DOUBLE_EQ(report.accepted[1].value, 0.07);  // multiples of 15
  EXPECT_NEAR(report.accepted_length.value, 0.41, 1e-15);
}

}  // namespace
}  // namespace glimmer::eval
