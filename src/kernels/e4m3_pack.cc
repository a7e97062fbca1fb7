#include "kernels/e4m3_pack.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/check.h"
#include "kernels/dispatch.h"

namespace glimmer::kernels {

float E4m3RowScale(tensor::Bf16 amax) {
  return std::max(tensor::Bf16ToF32(amax) / tensor::kE4m3Max, 0x1p-126f);
}

tensor::PackError PackE4m3On(Isa isa, std::span<const tensor::Bf16> weights, float scale,
                             std::span<tensor::E4m3> codes) {
  GLIMMER_CHECK(codes.size() == weights.size());
  std::array<double, 2 * kErrorLanes> squares{};
  TableOf(isa).pack_e4m3({.weights = weights.data(),
                          .count = weights.size(),
                          .scale = scale,
                          .codes = codes.data(),
                          .squares = squares.data()});
  const auto middle = squares.begin() + kErrorLanes;
  return {std::accumulate(squares.begin(), middle, 0.0),
          std::accumulate(middle, squares.end(), 0.0)};
}

tensor::PackError PackE4m3(std::span<const tensor::Bf16> weights, float scale,
                           std::span<tensor::E4m3> codes) {
  return PackE4m3On(ActiveIsa(), weights, scale, codes);
}

}  // namespace glimmer::kernels
