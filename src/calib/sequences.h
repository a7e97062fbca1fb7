// The token sequences that a model is calibrated with, and what of them decides cost.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace glimmer::calib {

using Sequences = std::vector<std::vector<int32_t>>;

struct CalibrationShape {
  uint64_t tokens = 0;
  uint64_t longest = 0;  // tokens of the longest sequence
};

inline CalibrationShape ShapeOf(const Sequences& sequences) {
  CalibrationShape shape;
  for (const auto& sequence : sequences) {
    shape.tokens += sequence.size();
    shape.longest = std::max<uint64_t>(shape.longest, sequence.size());
  }
  return shape;
}

}  // namespace glimmer::calib
