#include "kernels/elementwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/rope.h"

namespace glimmer::kernels {
namespace {

std::vector<float> Random(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.3f, 2.0f);
  std::vector<float> values(count);
  for (float& x : values) x = normal(random);
  return values;
}

TEST(RmsNorm, IsTheFormula) {
  for (const size_t count : {1u, 15u, 16u, 100u}) {
    const std::vector<float> x = Random(count, 1), weight = Random(count, 2);
    std::vector<float> y(count);
    RmsNorm(x, weight, 0.5f, y);
    double squares = 0;
    for (const float v : x) squares += double{v} * v;
    const double factor = 1 / std::sqrt(squares / static_cast<double>(count) + 0.5);
    for (size_t i = 0; i < count; ++i) {
      // Half the sum's error, and five roundings.
      const double bound = (static_cast<double>(count) / 32 + 16) * 0x1p-24;
      EXPECT_NEAR(y[i], weight[i] * x[i] * factor, bound * std::abs(weight[i] * x[i] * factor));
    }
  }
}

TEST(LayerNorm, IsTheFormula) {
  const std::vector<float> x = Random(33, 3), weight = Random(33, 4), bias = Random(33, 5);
  std::vector<float> y(33);
  LayerNorm(x, weight, bias, 1e-3f, y);
  double mean = 0, variance = 0;
  for (const float v : x) mean += v / 33.0;
  for (const float v : x) variance += (v - mean) * (v - mean) / 33.0;
  for (size_t i = 0; i < 33; ++i) {
    const double expected = weight[i] * (x[i] - mean) / std::sqrt(variance + 1e-3) + bias[i];
    EXPECT_NEAR(y[i], expected, 40 * 0x1p-24 * (std::abs(expected) + std::abs(bias[i]) + 1));
  }
}

TEST(SiluMul, IsTheFormulaAndSurvivesLargeInputs) {
  std::vector<float> gate = {0, 1, -1, 200, -200}, up = {3, 2, 2, 1, 1};
  SiluMul(gate, up, gate);
  EXPECT_EQ(gate[0], 0);
  EXPECT_NEAR(gate[1], 2 / (1 + std::exp(-1.0)), 1e-6);
  EXPECT_NEAR(gate[2], -2 / (1 + std::exp(1.0)), 1e-6);
  EXPECT_EQ(gate[3], 200);
  EXPECT_EQ(gate[4], -0.0f);
}

TEST(Softmax, SumsToOneAndHidesMinusInfinity) {
  std::vector<float> x = {1000, 999, -std::numeric_limits<float>::infinity()};
  Softmax(2.0f, x);
  EXPECT_NEAR(x[0], 1 / (1 + std::exp(-2.0)), 1e-6);
  EXPECT_NEAR(x[0] + x[1], 1, 1e-6);
  EXPECT_EQ(x[2], 0);
}

TEST(Rope, RotatesPairsByPositionTimesFrequency) {
  const uint64_t positions[] = {0, 5};
  const RopeTable table(4, 10000, positions);
  // Frequencies 1 and 10000^(-2/4) = 0.01; angles 5 and 0.05.
  std::vector<float> x = {1, 0, 1, 0};
  table.Rotate(1, RopeStyle::kInterleaved, x);
  EXPECT_NEAR(x[0], std::cos(5.0), 1e-6);
  EXPECT_NEAR(x[1], std::sin(5.0), 1e-6);
  EXPECT_NEAR(x[2], std::cos(0.05), 1e-6);
  EXPECT_NEAR(x[3], std::sin(0.05), 1e-6);
  std::vector<float> halves = {1, 1, 0, 0};  // pairs (0, 2) and (1, 3)
  table.Rotate(1, RopeStyle::kHalves, halves);
  EXPECT_NEAR(halves[2], std::sin(5.0), 1e-6);
  EXPECT_NEAR(halves[3], std::sin(0.05), 1e-6);
  std::vector<float> still = {1, 2, 3, 4};
  table.Rotate(0, RopeStyle::kInterleaved, still);
  EXPECT_EQ(still, (std::vector<float>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace glimmer::kernels
