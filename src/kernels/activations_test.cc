#include "kernels/activations.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tensor/bf16.h"

namespace glimmer::kernels {
namespace {

std::vector<float> ToNvfp4(std::vector<float> x, float input_scale) {
  RoundToNvfp4(x, input_scale, x);
  return x;
}

TEST(RoundToBf16, IsTheFormatsConversion) {
  std::vector<float> x = {1.0f, 1.00390625f, 1.01171875f, -3.14159f, 0.0f, 65504.5f};
  std::vector<float> y(x.size());
  RoundToBf16(x, y);
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(y[i], tensor::Bf16ToF32(tensor::F32ToBf16(x[i])));
  }
  EXPECT_EQ(y[1], 1.0f);       // 1 + 2^-8 is a tie: to even
  EXPECT_EQ(y[2], 1.015625f);  // 1 + 3 * 2^-8: to even, upwards
}

// amax 6, input scale 1: block scale 1, step 1, and the grid is E2M1's own.
TEST(RoundToNvfp4, RoundsTiesToEvenCodes) {
  const std::vector<float> x = {6,  0.25f,  0.75f, 1.25f, 1.75f, 2.5f,  3.5f,    5,
                                -6, -0.25f, -5,    0.26f, 1.3f,  2.51f, 100e-9f, 4.99f};
  const std::vector<float> expected = {6, 0, 1, 1, 2, 2, 4, 4, -6, 0, -4, 0.5f, 1.5f, 3, 0, 4};
  EXPECT_EQ(ToNvfp4(x, 1.0f), expected);
}

TEST(RoundToNvfp4, TheBlockScaleIsAnE4m3) {
  // amax 6.3: 6.3 / 6 = 1.05 rounds to 1 (E4M3 steps of 1/8); 6.3 saturates at 6.
  std::vector<float> x(16, 0.0f);
  x[3] = 6.3f;
  EXPECT_EQ(ToNvfp4(x, 1.0f)[3], 6.0f);
  x[3] = 6.6f;  // 1.1 rounds to 1.125: the step; 6.6 / 1.125 = 5.87 to 6
  EXPECT_EQ(ToNvfp4(x, 1.0f)[3], 6.75f);
}

TEST(RoundToNvfp4, SaturatesAndVanishesWithItsScale) {
  std::vector<float> x(16, 0.0f);
  x[0] = 1e6f;  // wants a block scale of 166,667: the largest is 448
  EXPECT_EQ(ToNvfp4(x, 1.0f)[0], 6.0f * 448.0f);
  x[0] = 6 * 0x1p-11f;  // wants 2^-11, which is nearer to 0 than to 2^-9
  EXPECT_EQ(ToNvfp4(x, 1.0f)[0], 0.0f);
  EXPECT_EQ(ToNvfp4(std::vector<float>(16, 0.0f), 0.5f), std::vector<float>(16, 0.0f));
}

TEST(RoundToNvfp4, ANanDoesNotDisappear) {
  std::vector<float> x(32, 1.0f);
  x[5] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> y = ToNvfp4(x, 1.0f);
  EXPECT_TRUE(std::isnan(y[5]));
  EXPECT_EQ(y[16], 1.03125f);  // the other block: 6 times E4M3(1 / 6)
}

}  // namespace
}  // namespace glimmer::kernels
