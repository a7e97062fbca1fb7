#include "kernels/activations.h"

#include "base/check.h"
#include "kernels/dispatch.h"
#include "tensor/nvfp4.h"

namespace glimmer::kernels {

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
