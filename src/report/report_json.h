// report.json: every figure for machines. Its fields: docs/report.md.
#pragma once

#include "base/json_types.h"
#include "report/facts.h"
#include "report/figures.h"

namespace glimmer::report {

// `card` is the text of the model card, whose hash stands among those of the outputs.
base::JsonObject ReportJson(const Facts& facts, const Figures& figures, const std::string& card);

}  // namespace glimmer::report
