// FP8 E4M3 ("float8_e4m3fn"): sign, 4 exponent bits (bias 7), 3 mantissa bits; no infinities, one
// NaN a sign (0x7F, 0xFF); largest 448, smallest normal 2^-6, subnormal step 2^-9.
// Source: OCP 8-bit Floating Point Specification, E4M3.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace glimmer::tensor {

using E4m3 = uint8_t;  // one number as its bits

constexpr float kE4m3Max = 448.0f;
constexpr float kE4m3MinSubnormal = 0x1p-9f;
constexpr float kE4m3MinNormal = 0x1p-6f;
constexpr E4m3 kE4m3One = 0x38;
constexpr E4m3 kE4m3NaN = 0x7F;

constexpr float E4m3ToF32(E4m3 code) {
  const uint32_t magnitude = code & 0x7F;
  const uint32_t sign = uint32_t{code & 0x80u} << 24;
  if (magnitude == kE4m3NaN) return std::bit_cast<float>(sign | 0x7FC00000);
  const float value = magnitude < 8 ? static_cast<float>(magnitude) * kE4m3MinSubnormal
                                    : std::bit_cast<float>((magnitude << 20) + (120u << 23));
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | sign);
}

// Rounds to nearest, ties to even; magnitudes above 448 (infinity too) saturate; NaN stays NaN.
inline E4m3 F32ToE4m3Saturating(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 24) & 0x80;
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  const float size = std::bit_cast<float>(magnitude);
  if (magnitude > 0x7F800000) return static_cast<E4m3>(sign | kE4m3NaN);
  if (size >= kE4m3Max) return static_cast<E4m3>(sign | 0x7E);
  if (size < kE4m3MinNormal) {
    return static_cast<E4m3>(sign | static_cast<uint32_t>(std::nearbyint(size * 0x1p9f)));
  }
  const uint32_t rounded = (magnitude + 0x7FFFF + ((magnitude >> 20) & 1)) >> 20;
  return static_cast<E4m3>(sign | (rounded - (120u << 3)));
}

}  // namespace glimmer::tensor
