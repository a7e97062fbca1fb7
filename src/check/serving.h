// How an NVFP4 checkpoint becomes one that given engines load, without its BF16 original: which
// packed linears must be dequantized, and no others.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "check/engine.h"
#include "quant/recipe.h"

namespace glimmer::check {

struct ServingPlan {
  // The inventory with element types as dequantized, and then the tensors beside it that the
  // checkpoint may hold: copies of embedding and head in the MTP layer, scales of a KV cache.
  std::vector<model::TensorSpec> specs;
  std::vector<quant::LinearFormat> formats;  // by spec
  std::vector<std::string> reasons;          // by spec: the rules that demand BF16, "V20, S20"
  size_t dequantized = 0;
};

// A packed linear is dequantized when a rule of an asked engine demands it (V20, V24, S20, S21,
// T06, T07, S41 and the like), or when the engines join it with one that is not packed. MTP layers
// and tensors that are never quantized always become BF16. Errors: kUnsupported when the recipe
// wants NVFP4 where an engine refuses it; kCorrupt, with the first defect, when the checkpoint is
// not sound otherwise.
base::Result<ServingPlan> PlanServing(const Opened& opened, const Scan& scan,
                                      const quant::Recipe& recipe, std::span<const Engine> engines);

}  // namespace glimmer::check
