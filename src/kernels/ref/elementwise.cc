// The plain loops that define the operations between the matrix products.
#include "kernels/ref/elementwise.h"

#include <algorithm>
#include <cmath>

#include "base/exponential.h"
#include "tensor/bf16.h"
#include "tensor/fp4.h"
#include "tensor/fp8.h"
#include "tensor/nvfp4.h"

namespace glimmer::kernels::scalar {
namespace {

constexpr size_t kLanes = 16;

// Sum of term(i) for i < count: in sixteen lanes, which are then added by halves.
template <typename Term>
float SumOf(size_t count, Term term) {
  float lanes[kLanes] = {};
  for (size_t i = 0; i < count; ++i) lanes[i % kLanes] += term(i);
  for (size_t half = kLanes / 2; half > 0; half /= 2) {
    for (size_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

void RmsNorm(const float* x, const float* weight, size_t count, float eps, float* y) {
  const float squares = SumOf(count, [&](size_t i) { return x[i] * x[i]; });
  const float factor = 1.0f / std::sqrt(squares / static_cast<float>(count) + eps);
  for (size_t i = 0; i < count; ++i) y[i] = weight[i] * (x[i] * factor);
}

void LayerNorm(const float* x, const float* weight, const float* bias, size_t count, float eps,
               float* y) {
  const float mean = SumOf(count, [&](size_t i) { return x[i]; }) / static_cast<float>(count);
  const float squares = SumOf(count, [&](size_t i) { return (x[i] - mean) * (x[i] - mean); });
  const float factor = 1.0f / std::sqrt(squares / static_cast<float>(count) + eps);
  for (size_t i = 0; i < count; ++i) y[i] = weight[i] * ((x[i] - mean) * factor) + bias[i];
}

void SiluMul(const float* gate, const float* up, size_t count, float* y) {
  for (size_t i = 0; i < count; ++i) y[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}

void AddScaled(float scale, const float* x, size_t count, float* y) {
  for (size_t i = 0; i < count; ++i) y[i] += scale * x[i];
}

void Softmax(float scale, float* x, size_t count) {
  const float largest = *std::max_element(x, x + count);
  for (size_t i = 0; i < count; ++i) x[i] = std::exp(scale * (x[i] - largest));
  const float factor = 1.0f / SumOf(count, [&](size_t i) { return x[i]; });
  for (size_t i = 0; i < count; ++i) x[i] *= factor;
}

void Rotate(float cosine, float sine, float& a, float& b) {
  const float rotated = a * cosine - b * sine;
  b = b * cosine + a * sine;
  a = rotated;
}

void RotateInterleaved(const float* cosines, const float* sines, size_t half, float* x) {
  for (size_t j = 0; j < half; ++j) Rotate(cosines[j], sines[j], x[2 * j], x[2 * j + 1]);
}

void RotateHalves(const float* cosines, const float* sines, size_t half, float* x) {
  for (size_t j = 0; j < half; ++j) Rotate(cosines[j], sines[j], x[j], x[j + half]);
}

void RoundToBf16(const float* from, size_t count, float* to) {
  for (size_t i = 0; i < count; ++i) to[i] = tensor::Bf16ToF32(tensor::F32ToBf16(from[i]));
}

// A NaN makes the result NaN.
float AbsMaxOf(const float* values, size_t count) {
  float amax = 0;
  for (size_t i = 0; i < count; ++i) {
    if (std::abs(values[i]) > amax || std::isnan(values[i])) amax = std::abs(values[i]);
  }
  return amax;
}

void RoundToNvfp4(const float* from, size_t count, float input_scale, float* to) {
  for (size_t begin = 0; begin < count; begin += tensor::kNvfp4Block) {
    const float amax = AbsMaxOf(from + begin, tensor::kNvfp4Block);
    const float quotient = amax / tensor::kE2m1Max / input_scale;
    const float step = tensor::Nvfp4Step(tensor::F32ToE4m3Saturating(quotient), input_scale);
    for (size_t i = begin; i < begin + tensor::kNvfp4Block; ++i) {
      to[i] = step == 0 ? 0 : tensor::E2m1ToF32(tensor::F32ToE2m1(from[i] / step)) * step;
    }
  }
}

void WeighLogits(const float* logits, size_t count, float max, double inverse_temperature,
                 uint64_t* weights) {
  for (size_t i = 0; i < count; ++i) {
    const double below = (static_cast<double>(logits[i]) - max) * inverse_temperature;
    const double weight =
        base::ExpOfNonPositive(below) * static_cast<double>(kLogitWeightUnit) + 0.5;
    weights[i] = static_cast<uint64_t>(static_cast<int64_t>(weight));
  }
}

}  // namespace

const ElementwiseTable kElementwise = {RmsNorm,      LayerNorm,         SiluMul,      AddScaled,
                                       Softmax,      RotateInterleaved, RotateHalves, RoundToBf16,
                                       RoundToNvfp4, StoreRow,          LoadRow,      WeighLogits};

}  // namespace glimmer::kernels::scalar
