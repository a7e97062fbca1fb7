#include "eval/mean_estimate.h"

#include <gtest/gtest.h>

#include <cmath>

namespace glimmer::eval {
namespace {

TEST(MeanEstimate, GivesMeanAndStandardError) {
  MeanEstimate estimate;
  for (const double x : {2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) estimate.Add(x);
  // Mean 5, variance (9 + 1 + 1 + 1 + 0 + 0 + 4 + 16) / 8 = 4, error sqrt(4 / 7).
  EXPECT_EQ(estimate.count(), 8u);
  EXPECT_DOUBLE_EQ(estimate.Get().value, 5);
  EXPECT_DOUBLE_EQ(estimate.Get().standard_error, std::sqrt(4.0 / 7));
}

TEST(MeanEstimate, DoesNotCancelFarFromZero) {
  MeanEstimate estimate;
  for (int i = 0; i < 1000; ++i) estimate.Add(1e9 + i % 2);
  EXPECT_DOUBLE_EQ(estimate.Get().value, 1e9 + 0.5);
  EXPECT_NEAR(estimate.Get().standard_error, std::sqrt(0.25 / 999), 1e-8);
}

TEST(MeanEstimate, OfNoneOrOneHasNoError) {
  MeanEstimate estimate;
  EXPECT_EQ(estimate.Get().value, 0);
  estimate.Add(3);
  EXPECT_EQ(estimate.Get().value, 3);
  EXPECT_EQ(estimate.Get().standard_error, 0);
}

TEST(ExpOf, CarriesTheErrorOn) {
  const Measured perplexity = ExpOf({std::log(8.0), 0.01});
  EXPECT_DOUBLE_EQ(perplexity.value, 8);
  EXPECT_DOUBLE_EQ(perplexity.standard_error, 0.08);
}

TEST(ShareOf, IsBinomial) {
  EXPECT_DOUBLE_EQ(ShareOf(3, 5).value, 0.6);
  EXPECT_DOUBLE_EQ(ShareOf(3, 5).standard_error, std::sqrt(0.6 * 0.4 / 4));
  EXPECT_EQ(ShareOf(5, 5).standard_error, 0);
  EXPECT_EQ(ShareOf(1, 1).standard_error, 0);
}

}  // namespace
}  // namespace glimmer::eval
