// A Plan as people and as machines read it.
#pragma once

#include <cstddef>
#include <string>

#include "base/json_types.h"
#include "quant/plan.h"

namespace glimmer::apps {

// `confirmed_by`: see ModelInput; `workers`: that pack.
std::string PlanText(const quant::Plan& plan, const std::string& confirmed_by, size_t workers);
base::JsonObject PlanJson(const quant::Plan& plan, const std::string& confirmed_by, size_t workers);

}  // namespace glimmer::apps
