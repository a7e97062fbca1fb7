#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensor/dtype.h"
#include "tensor/nvfp4.h"
#include "tensor/pack_error.h"
#include "tensor/shape.h"

namespace glimmer::tensor {
namespace {

TEST(Bf16, RoundTripsEveryPattern) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = Bf16ToF32(static_cast<Bf16>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(Bf16ToF32(F32ToBf16(value))));
    } else {
      EXPECT_EQ(F32ToBf16(value), bits);
    }
  }
}

TEST(Bf16, RoundsToNearestEven) {
  for (uint32_t bits = 0; bits < 0x7F7F; ++bits) {
    const float low = Bf16ToF32(static_cast<Bf16>(bits));
    const float high = Bf16ToF32(static_cast<Bf16>(bits + 1));
    const float middle = std::bit_cast<float>((bits << 16) + 0x8000);
    EXPECT_EQ(F32ToBf16(middle), bits % 2 == 0 ? bits : bits + 1);
    EXPECT_EQ(F32ToBf16(std::nextafter(middle, low)), bits);
    EXPECT_EQ(F32ToBf16(std::nextafter(middle, high)), bits + 1);
  }
}

// Against brute force: the nearest of all codes, the even one on a tie.
TEST(E4m3, EveryMidpointAndItsNeighbours) {
  for (uint8_t code = 0; code < 0x7E; ++code) {
    const float low = E4m3ToF32(code), high = E4m3ToF32(static_cast<E4m3>(code + 1));
    const float middle = (low + high) / 2;
    EXPECT_EQ(F32ToE4m3Saturating(low), code);
    EXPECT_EQ(F32ToE4m3Saturating(middle), code % 2 == 0 ? code : code + 1);
    EXPECT_EQ(F32ToE4m3Saturating(std::nextafter(middle, 0.0f)), code);
    EXPECT_EQ(F32ToE4m3Saturating(std::nextafter(middle, high)), code + 1);
    EXPECT_EQ(F32ToE4m3Saturating(-high), (code + 1) | 0x80);
  }
  EXPECT_EQ(F32ToE4m3Saturating(1e30f), 0x7E);
  EXPECT_EQ(F32ToE4m3Saturating(std::numeric_limits<float>::infinity()), 0x7E);
}

TEST(E2m1, TiesGoToTheEvenCode) {
  const std::pair<float, int> ties[] = {{0.25f, 0}, {0.75f, 2}, {1.25f, 2}, {1.75f, 4},
                                        {2.5f, 4},  {3.5f, 6},  {5.0f, 6}};
  for (const auto& [tie, code] : ties) {
    EXPECT_EQ(F32ToE2m1(tie), code);
    EXPECT_EQ(F32ToE2m1(-tie), code | 8);
  }
  for (uint8_t code = 0; code < 16; ++code) {
    EXPECT_EQ(F32ToE2m1(E2m1ToF32(code)), code == 8 ? 0 : code);
  }
  EXPECT_EQ(F32ToE2m1(5.0000005f), 7);
  EXPECT_EQ(F32ToE2m1(-1e-30f), 8);  // minus zero
  EXPECT_EQ(F32ToE2m1(-0.0f), 0);
  EXPECT_EQ(F32ToE2m1(std::numeric_limits<float>::infinity()), 7);
  EXPECT_EQ(F32ToE2m1(-std::numeric_limits<float>::infinity()), 15);
  EXPECT_EQ(F32ToE2m1(std::nanf("")), 7);
}

TEST(Nvfp4, ScaleRulesDifferFor28Mantissas) {
  int differing = 0;
  for (uint32_t mantissa = 0; mantissa < 128; ++mantissa) {
    const float amax = Bf16ToF32(static_cast<Bf16>(0x3F80 + mantissa));
    differing += Nvfp4TensorScale(amax, ScaleRule::kCpu) != Nvfp4TensorScale(amax, ScaleRule::kGpu);
  }
  EXPECT_EQ(differing, 28);
  EXPECT_EQ(std::bit_cast<uint32_t>(1.0f / kNvfp4AmaxToScale), 0x39C30C31u);
}

TEST(Nvfp4, BlockScaleIsNeverZeroOrNaN) {
  for (uint32_t bits = 0; bits < kBf16Infinity; ++bits) {
    const float amax = Bf16ToF32(static_cast<Bf16>(bits));
    for (const float scale : {0x1p-149f, 0x1p-126f, 1e-4f, 1.0f, 1e35f}) {
      const E4m3 code = Nvfp4BlockScale(amax, scale);
      EXPECT_GE(code, 1);
      EXPECT_LE(code, 0x7E);
    }
  }
  EXPECT_EQ(Nvfp4BlockScale(0, 1), kE4m3One);
}

TEST(Shape, SizesAreCheckedForOverflow) {
  EXPECT_EQ(SizeBytes(DType::kBF16, {3, 5}), 30u);
  EXPECT_EQ(SizeBytes(DType::kF32, {}), 4u);
  EXPECT_EQ(SizeBytes(DType::kF4, {3}), std::nullopt);
  EXPECT_EQ(SizeBytes(DType::kU8, {uint64_t{1} << 40, uint64_t{1} << 40}), std::nullopt);
  EXPECT_EQ(SizeBytes(DType::kI64, {uint64_t{1} << 60}), std::nullopt);
  EXPECT_EQ(ElementCount({uint64_t{1} << 63, 2, 0}), std::nullopt);
  EXPECT_EQ(ToString(Shape{2048, 6144}), "[2048, 6144]");
}

TEST(DType, NamesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(DType::kU64); ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(DTypeFromName(Name(dtype)), dtype);
  }
  EXPECT_EQ(DTypeFromName("bf16"), std::nullopt);
}

TEST(PackError, IsInDecibels) {
  const PackError error = {.squared_error = 0.01, .squared_weights = 1};
  EXPECT_DOUBLE_EQ(*error.snr_db(), 20);
  EXPECT_DOUBLE_EQ(error.relative_rms(), 0.1);
  EXPECT_FALSE(PackError().snr_db());
  EXPECT_FALSE((PackError{0, 1}.snr_db()));
  EXPECT_EQ(PackError().relative_rms(), 0);
}

}  // namespace
}  // namespace glimmer::tensor
