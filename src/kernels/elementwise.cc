#include "kernels/elementwise.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace glimmer::kernels {
namespace {

constexpr size_t kLanes = 16;

// Sum of term(i) for i < count.
template <typename Term>
float SumOf(size_t count, Term term) {
  float lanes[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += term(i + lane);
  }
  for (; i < count; ++i) lanes[i % kLanes] += term(i);
  float sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}

}  // namespace

void RmsNorm(std::span<const float> x, std::span<const float> weight, float eps,
             std::span<float> y) {
  const float squares = SumOf(x.size(), [&](size_t i) { return x[i] * x[i]; });
  const float factor = 1.0f / std::sqrt(squares / static_cast<float>(x.size()) + eps);
  for (size_t i = 0; i < x.size(); ++i) y[i] = weight[i] * (x[i] * factor);
}

void LayerNorm(std::span<const float> x, std::span<const float> weight, std::span<const float> bias,
               float eps, std::span<float> y) {
  const auto count = static_cast<float>(x.size());
  const float mean = SumOf(x.size(), [&](size_t i) { return x[i]; }) / count;
  const float squares = SumOf(x.size(), [&](size_t i) { return (x[i] - mean) * (x[i] - mean); });
  const float factor = 1.0f / std::sqrt(squares / count + eps);
  for (size_t i = 0; i < x.size(); ++i) y[i] = weight[i] * ((x[i] - mean) * factor) + bias[i];
}

void SiluMul(std::span<const float> gate, std::span<const float> up, std::span<float> y) {
  for (size_t i = 0; i < y.size(); ++i) y[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}

void AddScaled(float scale, std::span<const float> x, std::span<float> y) {
  for (size_t i = 0; i < y.size(); ++i) y[i] += scale * x[i];
}

void Softmax(float scale, std::span<float> x) {
  const float largest = *std::max_element(x.begin(), x.end());
  for (float& value : x) value = std::exp(scale * (value - largest));
  const float factor = 1.0f / SumOf(x.size(), [&](size_t i) { return x[i]; });
  for (float& value : x) value *= factor;
}

}  // namespace glimmer::kernels
