#include "kernels/nvfp4_pack.h"

#include <array>
#include <numeric>

#include "base/check.h"
#include "kernels/dispatch.h"
#include "kernels/e4m3_values.h"
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

PackError ErrorOfNvfp4On(Isa isa, std::span<const tensor::Bf16> weights, float tensor_scale,
                         std::span<const uint8_t> packed, std::span<const uint8_t> scales) {
  const size_t blocks = weights.size() / tensor::kNvfp4Block;
  GLIMMER_CHECK(weights.size() == blocks * tensor::kNvfp4Block);
  GLIMMER_CHECK(packed.size() == blocks * tensor::kNvfp4BlockBytes && scales.size() == blocks);
  std::array<double, 2 * tensor::kNvfp4Block> squares{};
  TableOf(isa).pack_error({.weights = weights.data(),
                           .packed = packed.data(),
                           .scales = scales.data(),
                           .blocks = blocks,
                           .tensor_scale = tensor_scale,
                           .e4m3_values = E4m3Values(),
                           .squares = squares.data()});
  const auto middle = squares.begin() + tensor::kNvfp4Block;
  return {std::accumulate(squares.begin(), middle, 0.0),
          std::accumulate(middle, squares.end(), 0.0)};
}

tensor::Bf16 AbsMax(std::span<const tensor::Bf16> weights) {
  return AbsMaxOn(ActiveIsa(), weights);
}

void PackNvfp4(std::span<const tensor::Bf16> weights, float tensor_scale, std::span<uint8_t> packed,
               std::span<uint8_t> scales) {
  PackNvfp4On(ActiveIsa(), weights, tensor_scale, packed, scales);
}

PackError ErrorOfNvfp4(std::span<const tensor::Bf16> weights, float tensor_scale,
                       std::span<const uint8_t> packed, std::span<const uint8_t> scales) {
  return ErrorOfNvfp4On(ActiveIsa(), weights, tensor_scale, packed, scales);
}

}  // namespace glimmer::kernels
