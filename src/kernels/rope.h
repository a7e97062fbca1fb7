// Rotary position embedding without scaling: pair j of a vector of `dim` values is rotated by
//   position * theta^(-2 j / dim),
// the angle in F32 as every engine computes it. Source: Su et al. 2021; docs/model.md#rope.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace glimmer::kernels {

enum class RopeStyle {
  kInterleaved,  // pair j is (2 j, 2 j + 1)
  kHalves,       // pair j is (j, j + dim / 2)
};

// Cosines and sines of some positions, made once and read by every head of every layer.
// Const use from several threads is safe.
class RopeTable {
 public:
  // REQUIRES: dim is even.
  RopeTable(size_t dim, double theta, std::span<const uint64_t> positions);

  // Rotates x, `dim` values, for the position with this number in the constructor's list.
  void Rotate(size_t position_index, RopeStyle style, std::span<float> x) const;

 private:
  size_t half_;
  std::vector<float> cos_sin_;  // [positions, 2, half]
};

}  // namespace glimmer::kernels
