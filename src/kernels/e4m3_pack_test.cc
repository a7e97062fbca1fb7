#include "kernels/e4m3_pack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/nvfp4_pack.h"

namespace glimmer::kernels {
namespace {

using tensor::Bf16;
using tensor::Bf16ToF32;
using tensor::E4m3;
using tensor::F32ToBf16;
using tensor::PackError;

class EveryIsaE4m3 : public ::testing::TestWithParam<Isa> {};

struct Packed {
  std::vector<E4m3> codes;
  PackError error;
  bool operator==(const Packed&) const = default;
};

float ScaleOf(const std::vector<Bf16>& weights) {
  return E4m3RowScale(AbsMaxOn(Isa::kScalar, weights));
}

// Between guard bytes that must survive.
Packed Pack(Isa isa, const std::vector<Bf16>& weights, float scale) {
  std::vector<E4m3> guarded(weights.size() + 2, 0xA5);
  const std::span<E4m3> codes = std::span(guarded).subspan(1, weights.size());
  const PackError error = PackE4m3On(isa, weights, scale, codes);
  EXPECT_EQ(guarded.front(), 0xA5);
  EXPECT_EQ(guarded.back(), 0xA5);
  return {{codes.begin(), codes.end()}, error};
}

std::vector<Bf16> Gaussian(size_t count) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0.0f, 0.02f);
  std::vector<Bf16> weights(count);
  std::generate(weights.begin(), weights.end(), [&] { return F32ToBf16(normal(random)); });
  return weights;
}

TEST_P(EveryIsaE4m3, PacksRowsOfEveryLength) {
  for (size_t count = 0; count <= 50; ++count) {
    const std::vector<Bf16> weights = Gaussian(count);
    const float scale = ScaleOf(weights);
    const Packed packed = Pack(GetParam(), weights, scale);
    PackError expected;
    for (size_t k = 0; k < count; ++k) {
      const float w = Bf16ToF32(weights[k]);
      ASSERT_EQ(packed.codes[k], tensor::F32ToE4m3Saturating(w / scale)) << count << " " << k;
      const double lost = w - tensor::E4m3ToF32(packed.codes[k]) * scale;
      expected += {lost * lost, double{w} * w};
    }
    // Sums of up to 50 doubles in another order.
    EXPECT_NEAR(packed.error.squared_error, expected.squared_error, 1e-13 * expected.squared_error);
    EXPECT_NEAR(packed.error.squared_weights, expected.squared_weights,
                1e-13 * expected.squared_weights);
    EXPECT_EQ(packed, Pack(Isa::kScalar, weights, scale)) << count;
  }
}

// Half a step of three mantissa bits is at most 1/16 of a number, or of the smallest normal code.
TEST_P(EveryIsaE4m3, LosesAtMostHalfAStep) {
  const std::vector<Bf16> weights = Gaussian(5000);
  const float scale = ScaleOf(weights);
  const Packed packed = Pack(GetParam(), weights, scale);
  for (size_t k = 0; k < weights.size(); ++k) {
    const float w = Bf16ToF32(weights[k]);
    const float least = tensor::kE4m3MinNormal * scale;
    // Rounding of the scale, the quotient and the product comes on top.
    EXPECT_LE(std::abs(w - tensor::E4m3ToF32(packed.codes[k]) * scale),
              std::max(std::abs(w), least) * (0x1p-4f + 0x1p-20f));
  }
  // The largest meets the largest code.
  EXPECT_EQ(*std::max_element(packed.codes.begin(), packed.codes.end(),
                              [](E4m3 a, E4m3 b) { return (a & 0x7F) < (b & 0x7F); }) &
                0x7F,
            0x7E);
}

// Every finite BF16, whatever the row's scale: quotients that saturate and that vanish too.
TEST_P(EveryIsaE4m3, PacksEveryFiniteBf16) {
  std::vector<Bf16> all;
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    if ((bits & 0x7FFF) < tensor::kBf16Infinity) all.push_back(static_cast<Bf16>(bits));
  }
  for (const int amax : {0x7F7F, 0x4123, 0x3F80, 0x2000, 0x0080, 0x0001, 0x0000}) {
    const float scale = E4m3RowScale(static_cast<Bf16>(amax));
    EXPECT_EQ(Pack(GetParam(), all, scale).codes, Pack(Isa::kScalar, all, scale).codes) << amax;
  }
}

TEST_P(EveryIsaE4m3, ARowOfZerosHasAScale) {
  const std::vector<Bf16> zeros = {0, 0x8000, 0};
  EXPECT_EQ(ScaleOf(zeros), 0x1p-126f);
  const Packed packed = Pack(GetParam(), zeros, ScaleOf(zeros));
  EXPECT_EQ(packed.codes, (std::vector<E4m3>{0, 0x80, 0}));
  EXPECT_EQ(packed.error, PackError());
}

INSTANTIATE_TEST_SUITE_P(Kernels, EveryIsaE4m3, ::testing::ValuesIn(AvailableIsas()),
                         [](const auto& isa) { return std::string(IsaName(isa.param)); });

}  // namespace
}  // namespace glimmer::kernels
