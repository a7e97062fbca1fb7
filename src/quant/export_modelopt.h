// The configuration of an NVFP4 checkpoint as NVIDIA Model Optimizer writes it, and the files that
// travel with the weights.
// Source: docs/formats.md#modelopt-configuration.
#pragma once

#include <string>

#include "base/json_types.h"
#include "base/result.h"
#include "quant/convert.h"
#include "quant/plan.h"

namespace glimmer::quant {

inline constexpr char kHfQuantConfigName[] = "hf_quant_config.json";

// The value of config.json's `quantization_config`.
base::JsonObject QuantizationConfig(const Plan& plan);
// hf_quant_config.json: the same facts in modelopt's older form.
std::string HfQuantConfigText(const Plan& plan);

// config.json (every byte of `config_text` kept, `quantization_config` appended),
// hf_quant_config.json, and copies of the tokenizer, template and generation files of `model_dir`.
// Errors: kIo.
base::Result<Companions> QuantizedCompanions(const Plan& plan, const std::string& config_text,
                                             const std::string& model_dir);

}  // namespace glimmer::quant
