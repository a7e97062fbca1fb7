#include "kernels/activations.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "tensor/bf16.h"
#include "tensor/fp4.h"
#include "tensor/fp8.h"
#include "tensor/nvfp4.h"

namespace glimmer::kernels {
namespace {

// A NaN makes the result NaN.
float AbsMaxOf(std::span<const float> values) {
  float amax = 0;
  for (const float x : values) {
    if (std::abs(x) > amax || std::isnan(x)) amax = std::abs(x);
  }
  return amax;
}

void RoundBlock(std::span<const float> from, float input_scale, std::span<float> to) {
  const float step = Nvfp4InputStep(from, input_scale);
  for (size_t i = 0; i < from.size(); ++i) {
    to[i] = step == 0 ? 0 : tensor::E2m1ToF32(tensor::F32ToE2m1(from[i] / step)) * step;
  }
}

}  // namespace

float Nvfp4InputStep(std::span<const float> block, float input_scale) {
  const float quotient = AbsMaxOf(block) / tensor::kE2m1Max / input_scale;
  return tensor::Nvfp4Step(tensor::F32ToE4m3Saturating(quotient), input_scale);
}

void RoundToBf16(std::span<const float> from, std::span<float> to) {
  for (size_t i = 0; i < from.size(); ++i) {
    to[i] = tensor::Bf16ToF32(tensor::F32ToBf16(from[i]));
  }
}

void RoundToNvfp4(std::span<const float> from, float input_scale, std::span<float> to) {
  GLIMMER_CHECK(from.size() % tensor::kNvfp4Block == 0 && input_scale > 0);
  for (size_t i = 0; i < from.size(); i += tensor::kNvfp4Block) {
    RoundBlock(from.subspan(i, tensor::kNvfp4Block), input_scale,
               to.subspan(i, tensor::kNvfp4Block));
  }
}

}  // namespace glimmer::kernels
