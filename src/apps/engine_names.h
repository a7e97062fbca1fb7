// The option --engine of `check` and `convert`.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "check/engine.h"

namespace glimmer::apps {

// Words may be joined by commas; "all" stands for every engine. Errors: kInvalid, listing the
// names.
base::Result<std::vector<check::Engine>> EnginesNamed(const std::vector<std::string>& words);

}  // namespace glimmer::apps
