// Input scales that are valid and yet suspicious: of experts far above the others of their layer
// (engines that use one value for a layer take the largest, which leaves the others few of the
// codes), and scales that no activations can have.
#pragma once

#include <string>
#include <vector>

#include "check/scan.h"

namespace glimmer::check {

// Four binades: the largest scale then leaves a typical expert's activations with at most half of
// the exponents that E4M3 block scales have.
constexpr float kScaleOutlierRatio = 16;

// 2688 times it, the largest magnitude that such a scale stands for, is below 1e-27: a placeholder
// for a linear that read only zeros, not an activation.
constexpr float kTinyInputScale = 0x1p-100f;

struct ScaleOutlier {
  std::string module;    // "model.layers.3.mlp.experts"
  std::string sentence;  // largest, median and their ratio
};

std::vector<ScaleOutlier> FindScaleOutliers(const Opened& opened, const Scan& scan);

struct TinyScale {
  std::string tensor;
  std::string sentence;
};

// input_scale above 0 and below kTinyInputScale.
std::vector<TinyScale> FindTinyScales(const Opened& opened, const Scan& scan);

}  // namespace glimmer::check
