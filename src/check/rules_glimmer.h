// What `glimmer run` demands: the judge calls the code that opens a model, so these rules hold by
// construction.
#pragma once

#include "check/finding.h"

namespace glimmer::check {

inline constexpr Rule kGlimmerRules[] = {
    {"G01", kFact, true,
     "the config must be one that glimmer computes; check itself refuses any other", ""},
    {"G02", Severity::kRefuses, true, "the weight files do not open", "copy them again"},
    {"G03", Severity::kRefuses, true,
     "quantization_config of config.json must announce modelopt's NVFP4",
     "write quantization_config into config.json"},
    {"G04", Severity::kRefuses, true, "the weights do not fit the config", ""},
    {"G05", Severity::kWarning, true,
     "run needs tokenizer.json beside the weights; eval can take token ids", "copy it"},
};

}  // namespace glimmer::check
