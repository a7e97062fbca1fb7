#include "apps/report_input.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "data/skip.h"

namespace glimmer::apps {
namespace {

std::string UtcNow() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace

void AddCalibrationArguments(const CalibrationOptions& options,
                             std::vector<report::Facts::Argument>& arguments) {
  if (!options.files.empty()) arguments.push_back({"--calibration"});
  for (const std::string& file : options.files) arguments.push_back({file, true});
  const auto add = [&](const char* name, std::string value) {
    arguments.push_back({name});
    arguments.push_back({std::move(value)});
  };
  add("--samples", std::to_string(options.samples));
  add("--seq-len", std::to_string(options.seq_len));
  if (options.chat) arguments.push_back({"--chat"});
  add("--activations", options.activations);
  if (options.latent_norm_eps) {
    add("--latent-norm-eps", fmt::format("{}", *options.latent_norm_eps));
  }
}

std::vector<report::CalibrationFile> ReportedFiles(const data::CalibrationSet& set) {
  std::vector<report::CalibrationFile> files;
  for (const data::FileReport& file : set.files) {
    files.push_back({.path = file.path,
                     .sha256 = file.sha256,
                     .samples_asked = file.samples_asked,
                     .samples = file.samples,
                     .tokens = file.tokens,
                     .truncated = file.truncated,
                     .lines = file.lines,
                     .skipped = {}});
    for (const data::SkippedLines& skipped : file.skipped) {
      files.back().skipped.emplace_back(data::NameOf(skipped.reason), skipped.count);
    }
  }
  return files;
}

RunClock::RunClock() : start_(std::chrono::steady_clock::now()), started_(UtcNow()) {}

void RunClock::Stop(report::RunFacts& run) const {
  run.started = started_;
  run.finished = UtcNow();
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

}  // namespace glimmer::apps
