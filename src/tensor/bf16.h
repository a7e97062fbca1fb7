// BF16: the upper half of an IEEE single. Conversions; F32 -> BF16 rounds to nearest, ties to even.
#pragma once

#include <bit>
#include <cstdint>

namespace glimmer::tensor {

// One BF16 number as its bits.
using Bf16 = uint16_t;

constexpr Bf16 kBf16SignMask = 0x8000;
constexpr Bf16 kBf16Infinity = 0x7F80;  // magnitudes from here on are not finite

constexpr float Bf16ToF32(Bf16 bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

// A NaN becomes the quiet NaN of its sign.
constexpr Bf16 F32ToBf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return static_cast<Bf16>((bits >> 16) | 0x0040);
  return static_cast<Bf16>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

}  // namespace glimmer::tensor
