#include "base/exponential.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace glimmer::base {
namespace {

// Against the C library's 80-bit exponential, whose own error (2^-63) does not count here.
TEST(ExpOfNonPositive, StaysWithinItsErrorBound) {
  double worst = 0;
  for (int i = 0; i <= 7'080'000; ++i) {
    const double x = -1e-4 * i - 1e-9 * (i % 97);
    if (x < kLeastExponent) continue;
    const long double truth = std::exp(static_cast<long double>(x));
    worst = std::fmax(worst, static_cast<double>(std::abs(ExpOfNonPositive(x) / truth - 1)));
  }
  EXPECT_LE(worst, 0x1p-51);
}

TEST(ExpOfNonPositive, HasExactEnds) {
  EXPECT_EQ(ExpOfNonPositive(0.0), 1.0);
  EXPECT_EQ(ExpOfNonPositive(-0.0), 1.0);
  EXPECT_EQ(ExpOfNonPositive(-708.0001), 0.0);
  EXPECT_EQ(ExpOfNonPositive(-std::numeric_limits<double>::infinity()), 0.0);
  EXPECT_GT(ExpOfNonPositive(-708.0), 0.0);
}

// The bits that any machine must give: computed step by step by Python, whose floats are IEEE
// doubles without fused operations.
TEST(ExpOfNonPositive, GivesTheSameBitsEverywhere) {
  EXPECT_EQ(ExpOfNonPositive(-1.0), 0x1.78b56362cef38p-2);
  EXPECT_EQ(ExpOfNonPositive(-0.1), 0x1.cf46d99d52b3ap-1);
  EXPECT_EQ(ExpOfNonPositive(-33.3), 0x1.f165bb9b59d94p-49);
  EXPECT_EQ(ExpOfNonPositive(-700.123), 0x1.e9ca45dfe99ffp-1011);
}

}  // namespace
}  // namespace glimmer::base
