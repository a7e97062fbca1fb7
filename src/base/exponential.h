// exp(x) for x <= 0 in plain IEEE double arithmetic, so that every machine computes the same bits:
// the C library's exp differs in the last bit between versions and processors, and a sampled token
// must not. Without branches or tables, so that loops over it vectorise.
#pragma once

#include <bit>
#include <cstdint>

#include "base/exponential_terms.h"

namespace glimmer::base {

// Relative error at most 2^-51; exactly 1 for 0, exactly 0 below kLeastExponent and for -infinity.
// x = k ln 2 + r with |r| <= ln(2) / 2 (k to the nearest, by adding 1.5 * 2^52, whose unit is 1),
// then the Taylor polynomial of degree 13, whose remainder is below 0.3466^14 / 14! = 5e-18, then
// 2^k by its bits. ln 2 stands in two parts; k times the first, of 33 bits, is exact.
// REQUIRES: x <= 0; rounding to nearest; no fused multiply-add (cmake/options.cmake).
inline double ExpOfNonPositive(double x) {
  const double clamped = x < kLeastExponent ? kLeastExponent : x;
  const double shifted = clamped * kInverseLn2 + kRounder;
  const double k = shifted - kRounder;
  const double r = (clamped - k * kLn2High) - k * kLn2Low;
  double sum = kInverseFactorials[kExponentialDegree];
  for (int n = kExponentialDegree; n-- > 0;) sum = sum * r + kInverseFactorials[n];
  // The low bits of `shifted` are k in two's complement; 1023 is the exponent's bias.
  const double power = std::bit_cast<double>((std::bit_cast<uint64_t>(shifted) + 1023) << 52);
  return x < kLeastExponent ? 0.0 : sum * power;
}

}  // namespace glimmer::base
