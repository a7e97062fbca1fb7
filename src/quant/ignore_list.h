// The list of unquantized modules for config.json and hf_quant_config.json, in the one spelling
// that vLLM, SGLang and TensorRT-LLM all read the same way: exact names of whole modules, or a
// module with `*` where a component ends, so that neither substring matching (vLLM), dotted
// prefixes (SGLang) nor fnmatch (all) hits a neighbour.
// Source: docs/engines.md#ignore-lists (rules V11-V17, S10-S14, S29, T03, T08).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace glimmer::quant {

struct Plan;

// Derived from the formats that the plan decided, never from patterns. May add to plan.warnings.
// Errors: kUnsupported when no list can say it (some experts of a layer only).
base::Result<std::vector<std::string>> DeriveIgnoreList(Plan& plan);

}  // namespace glimmer::quant
