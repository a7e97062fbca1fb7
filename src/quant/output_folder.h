// The output folder around the weight files: what may already stand in it, what is written beside
// the weights, and in which order, so that the index, without which no engine loads a sharded
// checkpoint, comes last.
#pragma once

#include <string>

#include "base/result.h"
#include "quant/convert.h"
#include "quant/plan.h"

namespace glimmer::quant {

// Copies, texts and last the index.
base::Status WriteCompanions(const Plan& plan, const Companions& companions,
                             const std::string& folder);

}  // namespace glimmer::quant
