// What a conversion depends on, as short texts for the journal: --resume goes on only when all of
// them are what they were, and names the one that is not.
#pragma once

#include <string>

#include "base/json_types.h"
#include "base/result.h"
#include "io/checkpoint.h"
#include "quant/plan.h"
#include "tensor/nvfp4.h"

namespace glimmer::quant {

// Source files count by size, time of change and header, not by content. Errors: kIo.
base::Result<base::JsonObject> ConversionSettings(const Plan& plan, const io::Checkpoint& source,
                                                  const std::string& config_text,
                                                  tensor::ScaleRule rule);

}  // namespace glimmer::quant
