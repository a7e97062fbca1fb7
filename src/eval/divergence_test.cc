#include "eval/divergence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace glimmer::eval {
namespace {

struct Position {
  std::vector<float> base, model;
  text::TokenId next;
};

// Likeliest tokens: base 0 1 2 0 1, model 0 2 2 1 0; next tokens 0 1 1 1 2.
const std::vector<Position> kPositions = {{{3, 1, 0}, {2, 1, 0}, 0},   // both right
                                          {{0, 2, 1}, {0, 1, 2}, 1},   // right to wrong
                                          {{0, 1, 2}, {1, 0, 2}, 1},   // both wrong, the same
                                          {{2, 1, 0}, {0, 2, 1}, 1},   // wrong to right
                                          {{0, 3, 1}, {2, 0, 1}, 2}};  // both wrong, differently

DivergenceReport ReportOf(const std::vector<Position>& positions) {
  Divergence divergence;
  size_t row = 0;
  for (const Position& p : positions) {
    EXPECT_TRUE(divergence.Add(p.base, p.model, p.next, row++).ok());
  }
  return divergence.Report();
}

TEST(Divergence, CountsAgreementAndFlips) {
  const DivergenceReport report = ReportOf(kPositions);
  EXPECT_EQ(report.positions, 5u);
  EXPECT_EQ(report.different_top, 3u);
  EXPECT_DOUBLE_EQ(report.same_top.value, 0.4);
  EXPECT_EQ(report.base_right, 2u);
  EXPECT_EQ(report.model_right, 2u);
  EXPECT_EQ(report.right_to_wrong, 1u);
  EXPECT_EQ(report.wrong_to_right, 1u);
  EXPECT_DOUBLE_EQ(report.flips.value, 0.4);
  EXPECT_DOUBLE_EQ(report.flips.standard_error, std::sqrt(0.4 * 0.6 / 4));
}

// The figures of llama.cpp's formulas, computed for these rows by Python in doubles.
TEST(Divergence, GivesTheFiguresOfLlamaCpp) {
  const DivergenceReport report = ReportOf(kPositions);
  EXPECT_NEAR(report.kl_mean.value, 0.6675223890724643, 1e-14);
  EXPECT_NEAR(report.kl_mean.standard_error, 0.3008811753504795, 1e-14);
  EXPECT_NEAR(report.kl_median, 0.42051248472002434, 1e-14);
  EXPECT_NEAR(report.kl_p99, 1.6575479701144, 1e-14);
  EXPECT_NEAR(report.kl_max, 1.6851240160639807, 1e-14);
  EXPECT_NEAR(report.base_nll.value, 1.1125019864891423, 1e-14);
  EXPECT_NEAR(report.base_nll.standard_error, 0.36589805914771883, 1e-14);
  EXPECT_NEAR(report.model_nll.value, 1.2076059644443802, 1e-14);
  // sqrt(error(model)² + error(base)² - 2 covariance) there, the error of the differences here.
  EXPECT_NEAR(report.nll_difference.value, 0.09510397795523784, 1e-14);
  EXPECT_NEAR(report.nll_difference.standard_error, 0.42381103453636254, 1e-14);
}

TEST(Divergence, OfAModelFromItselfIsNothing) {
  std::vector<Position> positions = kPositions;
  for (Position& p : positions) p.model = p.base;
  const DivergenceReport report = ReportOf(positions);
  EXPECT_EQ(report.kl_max, 0);
  EXPECT_EQ(report.same_top.value, 1);
  EXPECT_EQ(report.flips.value, 0);
  EXPECT_EQ(report.nll_difference.value, 0);
}

TEST(Divergence, SaysWhoseLogitsAreNotFinite) {
  const std::vector<float> good = {1, 2}, bad = {1, std::numeric_limits<float>::quiet_NaN()};
  Divergence divergence;
  const base::Status of_base = divergence.Add(bad, good, 0, 3);
  ASSERT_FALSE(of_base.ok());
  EXPECT_EQ(of_base.error().message.find("the base: the logits are not finite"), 0u);
  const base::Status of_model = divergence.Add(good, bad, 0, 3);
  ASSERT_FALSE(of_model.ok());
  EXPECT_EQ(of_model.error().message.find("the logits are not finite"), 0u);
}

TEST(Percentile, InterpolatesLikeNumpy) {
  const std::vector<double> values = {1, 2, 4, 8};
  EXPECT_DOUBLE_EQ(Percentile(values, 0), 1);
  EXPECT_DOUBLE_EQ(Percentile(values, 0.5), 3);
  EXPECT_DOUBLE_EQ(Percentile(values, 0.9), 6.8);  // place 2.7: 0.3 * 4 + 0.7 * 8
  EXPECT_DOUBLE_EQ(Percentile(values, 1), 8);
  EXPECT_DOUBLE_EQ(Percentile(std::vector<double>{5}, 0.99), 5);
}

}  // namespace
}  // namespace glimmer::eval
