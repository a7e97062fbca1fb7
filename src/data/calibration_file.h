// Which files calibration texts come from, and how many samples from each.
// Source: docs/calibration-data.md. Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace glimmer::data {

struct CalibrationFile {
  std::string path;
  std::optional<uint64_t> samples = std::nullopt;  // absent: a share of the rest
  // The file's bytes when they are part of the program; then `path` only names them.
  std::optional<std::string_view> built_in = std::nullopt;
};

// "cnn.jsonl:128": 128 samples of cnn.jsonl. What follows the last colon is a number when it is
// digits only, else part of the path; a path that ends like that takes a number behind it.
// Errors: kInvalid for an empty path, for 0 and for a number beyond 2^32.
base::Result<CalibrationFile> ParseCalibrationFile(std::string_view argument);

// How many samples each file gives. `samples` is the number of all: files with a number of their
// own take that, the others share what is left evenly, the last of them the remainder too, as
// modelopt shares among the splits of a data set. When every file has its number, `samples` does
// not matter. Errors: kInvalid when there is no file, or less than one sample for one of them.
base::Result<std::vector<uint64_t>> ShareSamples(const std::vector<CalibrationFile>& files,
                                                 uint64_t samples);

// The set that comes with glimmer, share/calibration/default.jsonl, compiled in: 256 short samples
// of prose, code, mathematics and conversations in several languages. Its README names sources and
// licences.
CalibrationFile DefaultCalibrationFile();

}  // namespace glimmer::data
