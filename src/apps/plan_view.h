// A Plan as people and as machines read it.
#pragma once

#include <string>

#include "base/json_types.h"
#include "quant/plan.h"

namespace glimmer::apps {

// `confirmed_by`: see ModelInput.
std::string PlanText(const quant::Plan& plan, const std::string& confirmed_by);
base::JsonObject PlanJson(const quant::Plan& plan, const std::string& confirmed_by);

}  // namespace glimmer::apps
