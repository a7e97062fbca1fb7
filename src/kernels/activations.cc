#include "kernels/activations.h"

#include "base/check.h"
#include "kernels/dispatch.h"
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

}  // namespace

float Nvfp4InputStep(std::span<const float> block, float input_scale) {
  const float quotient = AbsMaxOf(block) / tensor::kE2m1Max / input_scale;
  return tensor::Nvfp4Step(tensor::F32ToE4m3Saturating(quotient), input_scale);
}

void RoundToBf16(std::span<const float> from, std::span<float> to) {
  GLIMMER_CHECK(from.size() == to.size());
  ActiveTable().elementwise->round_to_bf16(from.data(), from.size(), to.data());
}

void RoundToNvfp4(std::span<const float> from, float input_scale, std::span<float> to) {
  GLIMMER_CHECK(from.size() == to.size());
  GLIMMER_CHECK(from.size() % tensor::kNvfp4Block == 0 && input_scale > 0);
  ActiveTable().elementwise->round_to_nvfp4(from.data(), from.size(), input_scale, to.data());
}

}  // namespace glimmer::kernels
