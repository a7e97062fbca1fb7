// A checkpoint folder opened with its config, BF16 or NVFP4. Headers are read, tensors are not.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "io/checkpoint.h"
#include "model/config.h"
#include "model/inventory.h"

namespace glimmer::model {

struct LoadedCheckpoint {
  base::JsonObject config_json;
  Config config;
  WeightFormat format = WeightFormat::kBf16;
  io::Checkpoint weights;
  std::vector<TensorSpec> specs;  // the inventory
};

// Errors: kNotFound, kInvalid when it is a file; those of ParseConfig, AnnouncedFormat and
// io::Checkpoint::Open.
base::Result<LoadedCheckpoint> LoadCheckpoint(const std::string& folder);

}  // namespace glimmer::model
