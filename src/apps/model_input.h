// The BF16 model that a command is given: a folder with config.json and usually weights, or a
// config file alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/checkpoint.h"
#include "model/config.h"
#include "model/inventory.h"

namespace glimmer::apps {

struct ModelInput {
  std::string folder;  // empty for a config file alone
  std::string config_text;
  model::Config config;
  std::vector<model::TensorSpec> specs;  // with the weights' own element types if they were seen
  std::optional<io::Checkpoint> weights;
  std::string confirmed_by;  // what confirmed the specs: "config.json", "index" or "headers"
};

enum class Weights { kRequired, kIfPresent };

// Errors: kUnsupported for other architectures and for weights that are not BF16; what
// model::MatchBf16 says about weights that do not fit the config.
base::Result<ModelInput> OpenModel(const std::string& path, Weights weights);

}  // namespace glimmer::apps
