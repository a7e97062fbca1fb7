// Experts whose input_scale is far above the others of their layer: engines that use one value for
// a layer take the largest, which leaves the others few of the codes.
#pragma once

#include <string>
#include <vector>

#include "check/scan.h"

namespace glimmer::check {

// Four binades: the largest scale then leaves a typical expert's activations with at most half of
// the exponents that E4M3 block scales have.
constexpr float kScaleOutlierRatio = 16;

struct ScaleOutlier {
  std::string module;    // "model.layers.3.mlp.experts"
  std::string sentence;  // largest, median and their ratio
};

std::vector<ScaleOutlier> FindScaleOutliers(const Opened& opened, const Scan& scan);

}  // namespace glimmer::check
