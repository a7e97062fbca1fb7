// The numbers of exponential.h, for code that computes several at once. No functions: files with
// special compiler flags include this (kernels/table.h).
#pragma once

namespace glimmer::base {

// Below this the result is 0; the true value would be less than 3.4e-308.
constexpr double kLeastExponent = -708;

constexpr double kRounder = 0x1.8p52;
constexpr double kInverseLn2 = 0x1.71547652b82fep0;
constexpr double kLn2High = 0x1.62e42feep-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
constexpr int kExponentialDegree = 13;
constexpr double kInverseFactorials[kExponentialDegree + 1] = {1.0,
                                                               1.0,
                                                               1.0 / 2,
                                                               1.0 / 6,
                                                               1.0 / 24,
                                                               1.0 / 120,
                                                               1.0 / 720,
                                                               1.0 / 5040,
                                                               1.0 / 40320,
                                                               1.0 / 362880,
                                                               1.0 / 3628800,
                                                               1.0 / 39916800,
                                                               1.0 / 479001600,
                                                               1.0 / 6227020800};

}  // namespace glimmer::base
