// One step of products of BF16 pairs, as the processor or its stand-in computes it, against the
// definition in bf16_table.h.
#include "kernels/bf16_table.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/dispatch.h"
#include "tensor/bf16.h"

namespace glimmer::kernels {
namespace {

constexpr float kSmallest = 0x1p-126f;

float WithoutSubnormals(float x) { return std::abs(x) < kSmallest ? std::copysign(0.0f, x) : x; }

// a * b + sum, rounded once as if exponents had no lower end, then subnormal results to zero.
// Exact in long double, or further apart than its 64 bits and then not near a tie of 24: a product
// has at most 16 significant bits.
float MulAdd(uint16_t a_bits, uint16_t b_bits, float sum) {
  static_assert(std::numeric_limits<long double>::digits >= 64);
  const long double a = WithoutSubnormals(tensor::Bf16ToF32(a_bits));
  const long double b = WithoutSubnormals(tensor::Bf16ToF32(b_bits));
  const long double exact = a * b + static_cast<long double>(WithoutSubnormals(sum));
  if (!std::isfinite(exact) || exact == 0) return static_cast<float>(exact);
  int exponent = 0;
  const long double fraction = std::frexp(exact, &exponent);
  const long double rounded = std::ldexp(std::nearbyint(std::ldexp(fraction, 24)), exponent - 24);
  if (std::abs(rounded) < kSmallest) return std::copysign(0.0f, static_cast<float>(rounded));
  return static_cast<float>(rounded);
}

// Patterns of every kind; exponents close together, so that sums cancel and round.
uint16_t RandomPattern(std::mt19937& random) {
  const auto bits = static_cast<uint16_t>(random());
  if (random() % 4 == 0) return bits;
  const auto exponent = static_cast<unsigned>((random() % 2 == 0 ? 60 : 124) + random() % 8);
  return static_cast<uint16_t>((bits & 0x807F) | exponent << 7);
}
float RandomSum(std::mt19937& random) {
  const auto bits = static_cast<uint32_t>(random());
  const auto kind = random() % 4;
  if (kind == 0) return std::bit_cast<float>(bits);
  // Near the smallest normal number, which products of the smaller exponents above meet; near one.
  const auto exponent = static_cast<uint32_t>((kind == 1 ? 0 : 120) + random() % 12);
  return std::bit_cast<float>((bits & 0x807FFFFF) | exponent << 23);
}

TEST(DotPairs, FollowTheDefinition) {
  std::mt19937 random(1);
  for (const Isa isa : AvailableIsas()) {
    const Bf16Table* table = TableOf(isa).bf16;
    EXPECT_EQ(table != nullptr, isa == Isa::kAvx512Bf16);
    if (table == nullptr) continue;
    for (size_t run = 0; run < 20'000; ++run) {
      std::vector<uint16_t> a(32), b(32);
      std::vector<float> sums(16);
      for (uint16_t& x : a) x = RandomPattern(random);
      for (uint16_t& x : b) x = RandomPattern(random);
      for (float& x : sums) x = RandomSum(random);
      std::vector<float> got = sums;
      table->dot_pairs(a.data(), b.data(), got.data());
      for (size_t l = 0; l < 16; ++l) {
        const float odd = MulAdd(a[2 * l + 1], b[2 * l + 1], sums[l]);
        const float both = MulAdd(a[2 * l], b[2 * l], odd);
        if (std::isnan(both) && std::isnan(got[l])) continue;
        ASSERT_EQ(std::bit_cast<uint32_t>(got[l]), std::bit_cast<uint32_t>(both))
            << got[l] << " " << both << " from " << sums[l];
      }
    }
  }
}

}  // namespace
}  // namespace glimmer::kernels
