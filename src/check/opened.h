// A checkpoint folder (or the path of a config.json alone) opened to be judged: unlike
// model::LoadCheckpoint, which refuses what it cannot compute with, this keeps what is wrong as a
// value, so that a check can say it and go on.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "check/announcement.h"
#include "model/loaded_checkpoint.h"

namespace glimmer::check {

struct Opened {
  std::string folder;             // of the config
  bool config_only = false;       // a path to a config.json was given: no weights are expected
  std::string architecture;       // architectures[0], or model_type
  model::LoadedCheckpoint model;  // config, inventory and headers, as far as they could be read
  Announcements announced;
  std::optional<base::Error> config_error;   // why ParseConfig refuses; then there is no inventory
  std::optional<base::Error> hf_error;       // hf_quant_config.json is there and unreadable
  std::optional<base::Error> weights_error;  // why the weight files do not open

  bool has_inventory() const { return !config_error; }
  bool has_weights() const { return !config_error && !weights_error && !config_only; }
};

// `path`: a folder, or a file named `*config.json`; then a file of the same name with
// `hf_quant_config.json` at its end is read beside it.
// Errors: kNotFound; kCorrupt, kIo when config.json cannot be read as JSON.
base::Result<Opened> Open(const std::string& path);

}  // namespace glimmer::check
