#include "kernels/nvfp4_pack.h"

#include "base/check.h"
#include "kernels/dispatch.h"
#include "tensor/nvfp4.h"

namespace glimmer::kernels {

tensor::Bf16 AbsMaxOn(Isa isa, std::span<const tensor::Bf16> weights) {
  return TableOf(isa).abs_max(weights.data(), weights.size());
}

void PackNvfp4On(Isa isa, std::span<const tensor::Bf16> weights, float tensor_scale,
                 std::span<uint8_t> packed, std::span<uint8_t> scales) {
  const size_t blocks = weights.size() / tensor::kNvfp4Block;
  GLIMMER_CHECK(weights.size() == blocks * tensor::kNvfp4Block);
  GLIMMER_CHECK(packed.size() == blocks * tensor::kNvfp4BlockBytes && scales.size() == blocks);
  TableOf(isa).pack_nvfp4(weights.data(), blocks, tensor_scale, packed.data(), scales.data());
}

tensor::Bf16 AbsMax(std::span<const tensor::Bf16> weights) {
  return AbsMaxOn(ActiveIsa(), weights);
}

void PackNvfp4(std::span<const tensor::Bf16> weights, float tensor_scale, std::span<uint8_t> packed,
               std::span<uint8_t> scales) {
  PackNvfp4On(ActiveIsa(), weights, tensor_scale, packed, scales);
}

}  // namespace glimmer::kernels
