// The output folder around the weight files: what may already stand in it, what is written beside
// the weights, and in which order, so that the index, without which no engine loads a sharded
// checkpoint, comes last.
#pragma once

#include <string>

#include "base/result.h"
#include "quant/convert.h"
#include "quant/plan.h"

namespace glimmer::quant {

// In the format of sha256sum.
inline constexpr char kSumsName[] = "SHA256SUMS";

// Copies, texts, the sums where they are asked for, and last the index. `weight_sums`: SHA-256 of
// the weight files, which are not read again.
base::Status WriteCompanions(const Plan& plan, const Companions& companions,
                             const std::string& folder,
                             const std::vector<std::string>& weight_sums);

}  // namespace glimmer::quant
