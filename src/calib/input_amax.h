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
  std::vector<std::string> zero_inputs;     // linears that tokens passed, all of them as zeros
};

// Where nothing but zeros was read anywhere in the model by linears of a kind: what modelopt takes
// for experts of which nothing is known (layer_utils.py).
constexpr float kUnknownAmax = 0.5f;

// kBf16: a maximum is rounded to BF16, as the activations of a BF16 model are.
enum class AmaxRounding { kNone, kBf16 };

// `sharing` says whether routed experts keep their own maximum or take the largest of their layer
// and projection; an expert without tokens, or that read only zeros, takes that one in both cases.
// Other linears that read only zeros, and experts of a layer in which all did, take the largest of
// their kind in the model: a scale of 0, at which modelopt stops, or near it would make zeros of
// whatever they read later. Every linear's amax is above 0.
InputAmaxes DecideInputAmaxes(const std::vector<model::TensorSpec>& specs, const InputStats& stats,
                              model::ExpertInputScale sharing, AmaxRounding rounding);

}  // namespace glimmer::calib
