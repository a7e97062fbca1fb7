// What `quantize` says at its end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "quant/convert.h"
#include "quant/plan.h"

namespace glimmer::apps {

// Of the run that ends, beside what the conversion says of itself.
struct RunFigures {
  uint64_t source_bytes_read = 0;
  uint64_t calibration_tokens = 0;  // 0: without calibrating
  double calibration_seconds = 0;
  size_t unseen_experts = 0;
  std::vector<std::string> zero_inputs{};  // linears that read only zeros
  size_t packing_workers = 1;
};

std::string SummaryText(const std::string& out, const quant::Plan& plan,
                        const quant::ConvertSummary& summary, const RunFigures& run);
std::string SummaryJson(const std::string& out, const quant::Plan& plan,
                        const quant::ConvertSummary& summary, const RunFigures& run);

}  // namespace glimmer::apps
