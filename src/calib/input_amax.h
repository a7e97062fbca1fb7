// From measured inputs to the largest magnitude that each linear's input_scale follows from.
// Source: docs/calibration.md#scales.
#pragma once

#include <string>
#include <vector>

#include "calib/input_stats.h"
#include "model/inventory.h"
#include "model/settings.h"

namespace glimmer::calib {

struct InputAmaxes {
  std::vector<float> by_spec;               // 0 for tensors that are no linear of a main layer
  std::vector<std::string> unseen_experts;  // modules that no token visited: the layer's maximum
};

// kBf16: a maximum is rounded to BF16, as the activations of a BF16 model are.
enum class AmaxRounding { kNone, kBf16 };

// `sharing` says whether routed experts keep their own maximum or take the largest of their layer
// and projection; an expert without tokens takes that one in both cases.
InputAmaxes DecideInputAmaxes(const std::vector<model::TensorSpec>& specs, const InputStats& stats,
                              model::ExpertInputScale sharing, AmaxRounding rounding);

}  // namespace glimmer::calib
