// Every instruction set against the scalar definitions: the same bits, but where an exponential is
// taken.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/cache_rows.h"
#include "kernels/dispatch.h"

namespace glimmer::kernels {
namespace {

class ElementwiseOnEveryIsa : public ::testing::TestWithParam<Isa> {
 protected:
  const ElementwiseTable& table() const { return *TableOf(GetParam()).elementwise; }
  static const ElementwiseTable& Scalar() { return *TableOf(Isa::kScalar).elementwise; }

  // Runs function(table, output) on this set and on the scalar one. One NaN is like another.
  template <class Function>
  void ExpectSame(size_t count, Function function) const {
    std::vector<float> here(count, 7.0f), there(count, 7.0f);
    function(table(), here.data());
    function(Scalar(), there.data());
    for (size_t i = 0; i < count; ++i) {
      const bool nan = std::isnan(here[i]) && std::isnan(there[i]);
      ASSERT_TRUE(nan || std::memcmp(&here[i], &there[i], sizeof(float)) == 0)
          << "element " << i << ": " << here[i] << " and " << there[i];
    }
  }
};

constexpr size_t kCounts[] = {1, 15, 16, 17, 31, 64, 100, 576, 2048};

std::vector<float> Random(size_t count, unsigned seed, float deviation = 2.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.3f, deviation);
  std::vector<float> values(count);
  for (float& x : values) x = normal(random);
  return values;
}

// Bit patterns of every kind: ties, subnormals, infinities, NaN.
std::vector<float> Patterns(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float& x : values) {
    auto bits = static_cast<uint32_t>(random());
    if (random() % 2 == 0) bits &= 0xFFFF8000;  // ties of BF16, and coarser
    if (random() % 3 == 0) bits = (bits & 0x807F0000) | (100 + bits % 40) << 23;
    std::memcpy(&x, &bits, sizeof x);
  }
  return values;
}

TEST_P(ElementwiseOnEveryIsa, NormsAndSumsHaveTheSameBits) {
  for (const size_t count : kCounts) {
    const std::vector<float> x = Random(count, 1), w = Random(count, 2), v = Random(count, 3);
    ExpectSame(count, [&](const ElementwiseTable& t, float* y) {
      t.rms_norm(x.data(), w.data(), count, 1e-5f, y);
    });
    ExpectSame(count, [&](const ElementwiseTable& t, float* y) {
      t.layer_norm(x.data(), w.data(), v.data(), count, 1e-5f, y);
    });
    ExpectSame(count, [&](const ElementwiseTable& t, float* y) {
      t.add_scaled(0.7f, x.data(), count, y);
    });
  }
}

TEST_P(ElementwiseOnEveryIsa, WeightsOfLogitsHaveTheSameBits) {
  for (const size_t count : kCounts) {
    for (const double inverse_temperature : {1.0, 0.37, 40.0, 1e5}) {
      std::vector<float> logits = Random(count, 4);
      for (size_t i = 0; i < count; i += 3) logits[i] *= 20;
      if (count > 2) logits[2] = -3e38f;
      const float max = *std::max_element(logits.begin(), logits.end());
      std::vector<uint64_t> weights(count), expected(count);
      table().weigh_logits(logits.data(), count, max, inverse_temperature, weights.data());
      Scalar().weigh_logits(logits.data(), count, max, inverse_temperature, expected.data());
      EXPECT_EQ(weights, expected);
      EXPECT_EQ(*std::max_element(weights.begin(), weights.end()), kLogitWeightUnit);
    }
  }
}

TEST_P(ElementwiseOnEveryIsa, RotationsHaveTheSameBits) {
  for (const size_t half : {1u, 4u, 16u, 24u, 32u, 48u}) {
    const std::vector<float> cosines = Random(half, 4), sines = Random(half, 5);
    const std::vector<float> x = Random(2 * half, 6);
    ExpectSame(2 * half, [&](const ElementwiseTable& t, float* y) {
      std::copy(x.begin(), x.end(), y);
      t.rotate_interleaved(cosines.data(), sines.data(), half, y);
    });
    ExpectSame(2 * half, [&](const ElementwiseTable& t, float* y) {
      std::copy(x.begin(), x.end(), y);
      t.rotate_halves(cosines.data(), sines.data(), half, y);
    });
  }
}

TEST_P(ElementwiseOnEveryIsa, RoundingHasTheSameBits) {
  for (const size_t count : kCounts) {
    const std::vector<float> x = Patterns(count, static_cast<unsigned>(count));
    ExpectSame(count,
               [&](const ElementwiseTable& t, float* y) { t.round_to_bf16(x.data(), count, y); });
  }
  // Every step and tie of the grid, under scales that underflow, fit and saturate.
  for (const float scale : {1e-30f, 0.01f, 1.0f, 3.7f, 1e4f}) {
    std::vector<float> x = Random(16 * 500, 7, 4.0f);
    for (size_t i = 0; i < x.size(); i += 3) x[i] = std::round(x[i] * 4) / 4;
    for (size_t i = 0; i < 16 * 40; ++i) x[i] *= 1e-4f;
    ExpectSame(x.size(), [&](const ElementwiseTable& t, float* y) {
      t.round_to_nvfp4(x.data(), x.size(), scale, y);
    });
  }
  std::vector<float> special(32, 1.0f);
  special[3] = std::numeric_limits<float>::infinity();
  special[4] = -0.0f;
  ExpectSame(32, [&](const ElementwiseTable& t, float* y) {
    t.round_to_nvfp4(special.data(), 32, 0.5f, y);
  });
}

TEST_P(ElementwiseOnEveryIsa, CachedRowsHaveTheSameBits) {
  for (const CacheFormat format :
       {CacheFormat::kF32, CacheFormat::kBf16, CacheFormat::kE4m3, CacheFormat::kScaledE4m3}) {
    for (const size_t count : kCounts) {
      for (const auto& x : {Random(count, 8), Patterns(count, 9), Random(count, 10, 1e-12f)}) {
        std::vector<uint8_t> a(CacheRowBytes(format, count) + 1, 0xA5), b = a;
        table().store_row(format, x.data(), count, a.data());
        Scalar().store_row(format, x.data(), count, b.data());
        ASSERT_EQ(a, b);
        ExpectSame(count + 1, [&](const ElementwiseTable& t, float* y) {
          t.load_row(format, b.data(), count, y);
        });
      }
    }
  }
}

TEST_P(ElementwiseOnEveryIsa, EveryE4m3CodeIsRead) {
  std::vector<uint8_t> codes(256);
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint8_t>(i);
  ExpectSame(256, [&](const ElementwiseTable& t, float* y) {
    t.load_row(CacheFormat::kE4m3, codes.data(), 256, y);
  });
}

// silu: e = exp(-|g|) has 3 units of 2^-24; three more roundings and the product with `up`. Where e
// is flushed, g e is below 87.4 * 1.22e-38.
TEST_P(ElementwiseOnEveryIsa, SiluIsTheFormula) {
  std::vector<float> gate = Random(3000, 11, 20.0f), up = Random(3000, 12), y(3000);
  for (size_t i = 0; i < 200; ++i) gate[i] = 100.0f - static_cast<float>(i);
  table().silu_mul(gate.data(), up.data(), gate.size(), y.data());
  for (size_t i = 0; i < y.size(); ++i) {
    const double expected = gate[i] / (1 + std::exp(-double{gate[i]})) * up[i];
    ASSERT_NEAR(y[i], expected, 8 * 0x1p-24 * std::abs(expected) + 1.1e-36 * std::abs(up[i]))
        << gate[i];
  }
}

// A weight: 3 units of 2^-24 and those of the argument, which is rounded twice; the total: as much
// and the sum of count / 16 + 4 additions; the factor and its product: 2.
TEST_P(ElementwiseOnEveryIsa, SoftmaxIsTheFormula) {
  for (const size_t count : kCounts) {
    std::vector<float> x = Random(count, 13, 6.0f);
    if (count > 20) x[count - 2] = -std::numeric_limits<float>::infinity();
    std::vector<float> y = x;
    table().softmax(1.5f, y.data(), count);
    const double largest = *std::max_element(x.begin(), x.end());
    double total = 0;
    for (const float v : x) total += std::exp(1.5 * (v - largest));
    for (size_t i = 0; i < count; ++i) {
      const double argument = 1.5 * (x[i] - largest), expected = std::exp(argument) / total;
      const double steps = std::isinf(argument) ? 0 : 2 * std::abs(argument) + 3;
      // Arguments of what counts in the total are below 20.
      const double bound = steps + 43 + static_cast<double>(count) / 16 + 6;
      ASSERT_NEAR(y[i], expected, bound * 0x1p-24 * expected + 1.3e-38);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, ElementwiseOnEveryIsa, ::testing::ValuesIn(AvailableIsas()),
                         [](const auto& isa) { return std::string(IsaName(isa.param)); });

}  // namespace
}  // namespace glimmer::kernels
