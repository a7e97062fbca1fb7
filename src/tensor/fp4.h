// FP4 E2M1: sign, 2 exponent bits, 1 mantissa bit: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives.
// Source: OCP Microscaling Formats (MX) Specification, E2M1; rounding as in
// docs/formats.md#nvfp4.
#pragma once

#include <array>
#include <cstdint>

namespace glimmer::tensor {

using E2m1 = uint8_t;  // one number in the low nibble: bit 3 the sign, bits 0-2 the magnitude

constexpr float kE2m1Max = 6.0f;
constexpr std::array<float, 16> kE2m1Values = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,
                                               4.0f,  6.0f,  -0.0f, -0.5f, -1.0f, -1.5f,
                                               -2.0f, -3.0f, -4.0f, -6.0f};

constexpr float E2m1ToF32(E2m1 code) { return kE2m1Values[code & 0xF]; }

// Rounds to nearest, ties to the even code, saturating at 6. The sign bit is set iff value < 0, so
// a small negative becomes minus zero and -0.0 becomes plus zero; NaN becomes code 7. (This is
// modelopt's rule; CUDA's conversion keeps the sign of -0.0.)
constexpr E2m1 F32ToE2m1(float value) {
  constexpr std::array<float, 7> kBounds = {0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5.0f};
  const float size = value < 0 ? -value : value;
  unsigned code = 0;
  for (unsigned i = 0; i < kBounds.size(); ++i) {
    const bool tie_goes_up = i % 2 == 1;
    // "not below" so that NaN, which compares with nothing, counts as above every bound.
    if (!(size < kBounds[i]) && !(size == kBounds[i] && !tie_goes_up)) code = i + 1;
  }
  return static_cast<E2m1>(code | (value < 0 ? 8u : 0u));
}

}  // namespace glimmer::tensor
