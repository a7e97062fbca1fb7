// `eval --task gsm8k`: the model answers word problems through its chat template, greedily, and the
// last number of each answer counts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/open_model.h"
#include "apps/options.h"
#include "base/result.h"

namespace glimmer::apps {

struct Gsm8kOptions {
  std::string file;
  std::optional<uint64_t> limit;  // problems; all by default
  size_t max_new_tokens = 512;
  std::string thinking = "off";
  std::string generation_config = "auto";
  std::string answers;             // where to write the answers, one JSON object a line
  std::vector<Option> declared{};  // all of these
};

void AddGsm8kOptions(Command command, Gsm8kOptions& options);

base::Status RunGsm8k(const ModelOptions& model, const Gsm8kOptions& options, bool json);

}  // namespace glimmer::apps
