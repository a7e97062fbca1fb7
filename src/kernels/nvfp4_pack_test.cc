#include "kernels/nvfp4_pack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

#include "tensor/nvfp4.h"

namespace glimmer::kernels {
namespace {

using tensor::Bf16;
using tensor::F32ToBf16;

// The instruction sets to compare with the scalar definition.
class EveryIsa : public ::testing::TestWithParam<Isa> {};

struct Packed {
  std::vector<uint8_t> codes, scales;
  bool operator==(const Packed&) const = default;
};

Packed Pack(Isa isa, const std::vector<Bf16>& weights, float tensor_scale) {
  // One guard byte behind each output must survive.
  Packed out{std::vector<uint8_t>(weights.size() / 2 + 1, 0xA5),
             std::vector<uint8_t>(weights.size() / 16 + 1, 0xA5)};
  PackNvfp4On(isa, weights, tensor_scale, std::span(out.codes).first(weights.size() / 2),
              std::span(out.scales).first(weights.size() / 16));
  EXPECT_EQ(out.codes.back(), 0xA5);
  EXPECT_EQ(out.scales.back(), 0xA5);
  return out;
}

float ScaleOf(const std::vector<Bf16>& weights) {
  return tensor::Nvfp4TensorScale(tensor::Bf16ToF32(AbsMaxOn(Isa::kScalar, weights)),
                                  tensor::ScaleRule::kCpu);
}

TEST_P(EveryIsa, PacksGaussianWeightsOfEveryBlockCount) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0f, 0.02f);
  for (size_t blocks = 0; blocks <= 67; ++blocks) {
    std::vector<Bf16> weights(blocks * 16);
    std::generate(weights.begin(), weights.end(), [&] { return F32ToBf16(normal(random)); });
    const float scale = ScaleOf(weights);
    EXPECT_EQ(Pack(GetParam(), weights, scale), Pack(Isa::kScalar, weights, scale)) << blocks;
  }
}

TEST_P(EveryIsa, MeasuresTheErrorOfTheDefinitionsValues) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0.0f, 0.02f);
  for (const size_t blocks : {0, 1, 2, 15, 16, 67}) {
    std::vector<Bf16> weights(blocks * 16);
    std::generate(weights.begin(), weights.end(), [&] { return F32ToBf16(normal(random)); });
    const float scale = ScaleOf(weights);
    std::vector<uint8_t> codes(weights.size() / 2), scales(blocks);
    PackNvfp4On(GetParam(), weights, scale, codes, scales);
    const PackError error = ErrorOfNvfp4On(GetParam(), weights, scale, codes, scales);
    EXPECT_EQ(error, ErrorOfNvfp4On(Isa::kScalar, weights, scale, codes, scales)) << blocks;
    double squared_error = 0, squared_weights = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      const double w = tensor::Bf16ToF32(weights[i]);
      const double code = tensor::E2m1ToF32((codes[i / 2] >> (i % 2 * 4)) & 0xF);
      const double value = code * tensor::E4m3ToF32(scales[i / 16]) * scale;
      squared_error += (w - value) * (w - value);
      squared_weights += w * w;
    }
    EXPECT_NEAR(error.squared_error, squared_error, 1e-6 * squared_error) << blocks;
    EXPECT_NEAR(error.squared_weights, squared_weights, 1e-12 * squared_weights) << blocks;
  }
}

// Every finite BF16 in every lane position, beside random neighbours, against tensor scales from
// the smallest to the largest that an amax can give.
TEST_P(EveryIsa, PacksEveryFiniteBf16) {
  std::mt19937 random(2);
  std::vector<Bf16> all;
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    if ((bits & 0x7FFF) < tensor::kBf16Infinity) all.push_back(static_cast<Bf16>(bits));
  }
  ASSERT_EQ(all.size() % 16, 0u);
  for (int round = 0; round < 12; ++round) {
    if (round > 0) std::shuffle(all.begin(), all.end(), random);
    const Bf16 amax = round < 2 ? 0x7F7F : all[random() % all.size()] & 0x7FFF;
    const float scale = tensor::Nvfp4TensorScale(tensor::Bf16ToF32(amax), tensor::ScaleRule::kGpu);
    EXPECT_EQ(Pack(GetParam(), all, scale), Pack(Isa::kScalar, all, scale)) << round;
  }
}

// Blocks whose values are the E2M1 grid, its ties and their neighbours, times steps that make the
// quotient exact, so that every rounding decision is met on both sides.
TEST_P(EveryIsa, RoundsEveryTieLikeTheDefinition) {
  const float points[] = {0, 0.25f, 0.5f, 0.75f, 1, 1.25f, 1.5f, 1.75f, 2, 2.5f, 3, 3.5f, 4, 5, 6};
  std::vector<Bf16> weights;
  for (int exponent = -20; exponent <= 20; ++exponent) {
    for (const float point : points) {
      for (int neighbour = -2; neighbour <= 2; ++neighbour) {
        std::vector<Bf16> block(16, 0);
        const Bf16 bits = F32ToBf16(std::ldexp(point, exponent));
        const int moved = std::max(0, int{bits} + neighbour);
        block[0] = F32ToBf16(std::ldexp(6.0f, exponent));
        block[1] = static_cast<Bf16>(moved);
        block[2] = static_cast<Bf16>(moved | 0x8000);
        weights.insert(weights.end(), block.begin(), block.end());
      }
    }
  }
  for (int power = -16; power <= 4; ++power) {
    const float scale = std::ldexp(1.0f, power);
    EXPECT_EQ(Pack(GetParam(), weights, scale), Pack(Isa::kScalar, weights, scale)) << power;
  }
}

// Steps for which a product with 1.25, 2.5 or 5 rounds across a BF16 number, where a threshold
// taken from the tie itself would be one too low.
TEST_P(EveryIsa, PacksWithStepsWhoseProductsRoundAcrossABf16) {
  for (const uint32_t mantissa : {12687769u, 12949913u, 13212057u}) {
    for (int exponent = -40; exponent <= -20; ++exponent) {
      const float scale = std::ldexp(static_cast<float>(mantissa), exponent - 23);
      std::vector<Bf16> weights;
      for (const float bound : {0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5.0f}) {
        for (int neighbour = -2; neighbour <= 2; ++neighbour) {
          std::vector<Bf16> block(16, 0);
          block[0] = F32ToBf16(6 * scale);
          block[1] = static_cast<Bf16>(F32ToBf16(bound * scale) + neighbour);
          weights.insert(weights.end(), block.begin(), block.end());
        }
      }
      EXPECT_EQ(Pack(GetParam(), weights, scale), Pack(Isa::kScalar, weights, scale)) << mantissa;
    }
  }
}

// Every BF16 tensor scale, and random ones, against random weights.
TEST_P(EveryIsa, PacksWithAnyTensorScale) {
  std::mt19937 random(5);
  std::vector<Bf16> weights(16 * 16 * 4);
  for (int round = 0; round < 4000; ++round) {
    const float scale = std::bit_cast<float>(static_cast<uint32_t>(random() % 0x7F000000 + 1));
    for (Bf16& w : weights) {
      const float near = scale * static_cast<float>(random() % 4096) * 0x1p-3f;
      w = static_cast<Bf16>(F32ToBf16(std::min(near, 3e38f)) | (random() % 2) << 15);
    }
    ASSERT_EQ(Pack(GetParam(), weights, scale), Pack(Isa::kScalar, weights, scale)) << scale;
  }
}

TEST_P(EveryIsa, FindsTheLargestMagnitudeWhereverItStands) {
  for (const size_t count : {0, 1, 15, 16, 17, 127, 128, 129, 1000}) {
    std::vector<Bf16> weights(count, 0x8001);
    for (size_t at = 0; at < count; ++at) {
      const Bf16 before = std::exchange(weights[at], Bf16{0xC123});
      EXPECT_EQ(AbsMaxOn(GetParam(), weights), 0x4123) << count << " " << at;
      weights[at] = before;
    }
    EXPECT_EQ(AbsMaxOn(GetParam(), weights), count == 0 ? 0 : 1);
  }
}

TEST_P(EveryIsa, ReportsWhatIsNotFinite) {
  for (const Bf16 bad : {Bf16{0x7F80}, Bf16{0xFF80}, Bf16{0x7FC0}, Bf16{0xFFFF}}) {
    std::vector<Bf16> weights(200, 0x7F7F);
    EXPECT_LT(AbsMaxOn(GetParam(), weights), tensor::kBf16Infinity);
    weights[137] = bad;
    EXPECT_GE(AbsMaxOn(GetParam(), weights), tensor::kBf16Infinity);
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, EveryIsa, ::testing::ValuesIn(AvailableIsas()),
                         [](const auto& isa) { return std::string(IsaName(isa.param)); });

// CTest runs this program once for each GLIMMER_ISA that the processor has (tests/isa_main.cc).
TEST(ActiveIsa, IsTheForcedOne) {
  const char* forced = std::getenv("GLIMMER_ISA");
  EXPECT_EQ(IsaName(ActiveIsa()), forced != nullptr ? forced : IsaName(AvailableIsas().back()));
}

}  // namespace
}  // namespace glimmer::kernels
