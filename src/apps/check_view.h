// How `check` shows what it found: as text for people and as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json_types.h"
#include "check/base_comparison.h"
#include "check/engine.h"
#include "check/finding.h"
#include "check/opened.h"
#include "check/scan.h"

namespace glimmer::apps {

struct CheckResult {
  std::string path;
  check::Findings integrity;
  std::optional<check::Scan> scan;
  std::optional<check::BaseReport> base;
  std::vector<check::EngineReport> engines;
  bool strict = false;

  bool fails() const;
};

std::string CheckText(const check::Opened& opened, const CheckResult& result);
base::JsonObject CheckJson(const check::Opened& opened, const CheckResult& result);

}  // namespace glimmer::apps
