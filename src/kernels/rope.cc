#include "kernels/rope.h"

#include <cmath>

#include "base/check.h"
#include "kernels/dispatch.h"

namespace glimmer::kernels {

RopeTable::RopeTable(size_t dim, double theta, std::span<const uint64_t> positions)
    : half_(dim / 2), cos_sin_(positions.size() * dim) {
  GLIMMER_CHECK(dim % 2 == 0);
  for (size_t j = 0; j < half_; ++j) {
    const float exponent = static_cast<float>(2 * j) / static_cast<float>(dim);
    const float frequency = 1.0f / std::pow(static_cast<float>(theta), exponent);
    for (size_t p = 0; p < positions.size(); ++p) {
      const float angle = static_cast<float>(positions[p]) * frequency;
      cos_sin_[p * dim + j] = std::cos(angle);
      cos_sin_[p * dim + half_ + j] = std::sin(angle);
    }
  }
}

void RopeTable::Rotate(size_t position_index, RopeStyle style, std::span<float> x) const {
  GLIMMER_CHECK(x.size() == 2 * half_);
  const float* cosines = cos_sin_.data() + position_index * x.size();
  const float* sines = cosines + half_;
  const ElementwiseTable& table = *ActiveTable().elementwise;
  const auto rotate =
      style == RopeStyle::kInterleaved ? table.rotate_interleaved : table.rotate_halves;
  rotate(cosines, sines, half_, x.data());
}

}  // namespace glimmer::kernels
