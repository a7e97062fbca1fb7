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

// Source files count by size, header and 16 samples of 4 KiB: the same bytes may be downloaded
// again, other weights of the same shapes are noticed, single damaged bytes are not. Errors: kIo.
base::Result<base::JsonObject> ConversionSettings(const Plan& plan, const io::Checkpoint& source,
                                                  const std::string& config_text,
                                                  tensor::ScaleRule rule);

}  // namespace glimmer::quant
