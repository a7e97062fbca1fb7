#include "kernels/cache_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace glimmer::kernels {
namespace {

// Through memory at an odd address.
std::vector<float> Cached(CacheFormat format, const std::vector<float>& values) {
  std::vector<std::byte> memory(CacheRowBytes(format, values.size()) + 2, std::byte{0xA5});
  StoreCacheRow(format, values, memory.data() + 1);
  EXPECT_EQ(memory.front(), std::byte{0xA5});
  EXPECT_EQ(memory.back(), std::byte{0xA5});
  std::vector<float> read(values.size());
  LoadCacheRow(format, memory.data() + 1, read);
  return read;
}

const std::vector<float> kValues = {1.0f, -2.7f, 0.001f, 448, 1000, 0, -0.3f};

TEST(CacheRows, F32IsExact) { EXPECT_EQ(Cached(CacheFormat::kF32, kValues), kValues); }

TEST(CacheRows, Bf16RoundsToEightBits) {
  const std::vector<float> read = Cached(CacheFormat::kBf16, kValues);
  for (size_t i = 0; i < read.size(); ++i) {
    EXPECT_LE(std::abs(read[i] - kValues[i]), 0x1p-9f * 2 * std::abs(kValues[i]));
  }
  EXPECT_NE(read[1], kValues[1]);
}

TEST(CacheRows, E4m3HasScaleOneAndSaturates) {
  // -2.7 lies between -2.75 and -2.5; 0.001 below half the smallest subnormal 2^-9.
  EXPECT_EQ(Cached(CacheFormat::kE4m3, kValues),
            (std::vector<float>{1, -2.75f, 0.001953125f, 448, 448, 0, -0.3125f}));
}

TEST(CacheRows, TheScaledFormTakesTheSmallestPowerOfTwo) {
  // 1000 / 448 = 2.23: scale 4, and 1000 / 4 = 250 rounds to 256.
  EXPECT_EQ(Cached(CacheFormat::kScaledE4m3, {1000, 1})[0], 1024);
  // 448 itself needs no scale; neither does a power of two times it.
  EXPECT_EQ(Cached(CacheFormat::kScaledE4m3, {448, 13})[1], 13);
  EXPECT_EQ(Cached(CacheFormat::kScaledE4m3, {448 * 0x1p-20f, 13 * 0x1p-20f})[1], 13 * 0x1p-20f);
  // Small rows keep their precision.
  EXPECT_EQ(Cached(CacheFormat::kScaledE4m3, {0x1p-30f, -0x1p-33f}),
            (std::vector<float>{0x1p-30f, -0x1p-33f}));
  EXPECT_EQ(Cached(CacheFormat::kScaledE4m3, {0, 0}), (std::vector<float>{0, 0}));
}

TEST(CacheRows, ANanDoesNotDisappear) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const CacheFormat format :
       {CacheFormat::kF32, CacheFormat::kBf16, CacheFormat::kE4m3, CacheFormat::kScaledE4m3}) {
    EXPECT_TRUE(std::isnan(Cached(format, {1, nan, 2})[1]));
  }
}

}  // namespace
}  // namespace glimmer::kernels
