#include "data/calibration_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/embedded.h"
#include "base/text.h"

namespace glimmer::base {
const std::vector<EmbeddedFile>& EmbeddedCalibration();
}

namespace glimmer::data {
namespace {

constexpr uint64_t kMaxSamples = uint64_t{1} << 32;

bool IsDigits(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

}  // namespace

base::Result<CalibrationFile> ParseCalibrationFile(std::string_view argument) {
  CalibrationFile file{std::string(argument)};
  const size_t colon = argument.rfind(':');
  const bool has_number = colon != std::string_view::npos && IsDigits(argument.substr(colon + 1));
  if (has_number) {
    const std::string_view digits = argument.substr(colon + 1);
    uint64_t samples = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), samples);
    if (read.ec != std::errc() || samples == 0 || samples > kMaxSamples) {
      return base::Invalid(
          fmt::format("calibration file {}: expected 1 to {} samples behind the "
                      "colon, found {}",
                      base::Quoted(argument), kMaxSamples, digits.substr(0, 40)));
    }
    file.path.resize(colon);
    file.samples = samples;
  }
  if (file.path.empty()) {
    return base::Invalid(
        fmt::format("calibration file {}: expected PATH or PATH:SAMPLES", base::Quoted(argument)));
  }
  return file;
}

base::Result<std::vector<uint64_t>> ShareSamples(const std::vector<CalibrationFile>& files,
                                                 uint64_t samples) {
  if (files.empty()) return base::Invalid("calibration: expected at least one file, found none");
  uint64_t stated = 0, sharing = 0;
  for (const CalibrationFile& file : files) {
    stated += file.samples.value_or(0);
    sharing += file.samples ? 0 : 1;
  }
  const uint64_t left = samples > stated ? samples - stated : 0;
  if (sharing > left) {
    return base::Invalid(fmt::format(
        "calibration: expected at least one sample for each of the {} files without a number of "
        "their own, found {} left of {}",
        sharing, left, samples));
  }
  std::vector<uint64_t> shares;
  uint64_t still_sharing = sharing;
  for (const CalibrationFile& file : files) {
    if (file.samples) {
      shares.push_back(*file.samples);
    } else {
      const bool last = --still_sharing == 0;
      shares.push_back(left / sharing + (last ? left % sharing : 0));
    }
  }
  return shares;
}

CalibrationFile DefaultCalibrationFile() {
  const base::EmbeddedFile& file = base::EmbeddedCalibration().front();
  return {fmt::format("share/calibration/{}.jsonl", file.name), std::nullopt, file.text};
}

}  // namespace glimmer::data
