// The operations between the matrix products, on rows of F32. Sums run in sixteen lanes, which are
// added by halves. Every instruction set gives the same bits, except where an exponential is taken:
// its relative error is below 3 * 2^-24, and results below 1.22e-38 are 0.
// Outputs may be the inputs. Pure; any number of threads.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/elementwise_table.h"

namespace glimmer::kernels {

// y = weight * (x / sqrt(mean(x^2) + eps)). Source: Zhang and Sennrich 2019.
void RmsNorm(std::span<const float> x, std::span<const float> weight, float eps,
             std::span<float> y);

// y = weight * ((x - mean) / sqrt(variance + eps)) + bias, variance over the whole row.
void LayerNorm(std::span<const float> x, std::span<const float> weight, std::span<const float> bias,
               float eps, std::span<float> y);

// y = silu(gate) * up, silu(g) = g / (1 + exp(-g)).
void SiluMul(std::span<const float> gate, std::span<const float> up, std::span<float> y);

// y += scale * x.
void AddScaled(float scale, std::span<const float> x, std::span<float> y);

// x = softmax(scale * x). Entries of minus infinity become 0; not all may be.
void Softmax(float scale, std::span<float> x);

// weights = exp((logits - max) * inverse_temperature) in units of 1 / kLogitWeightUnit, 2^-39,
// rounded to the nearest, halves up; exp is base/exponential.h, so that every set gives the same
// bits here too. REQUIRES: no logit is above max, none is NaN.
void WeighLogits(std::span<const float> logits, float max, double inverse_temperature,
                 std::span<uint64_t> weights);

}  // namespace glimmer::kernels
