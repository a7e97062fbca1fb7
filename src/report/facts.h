// What a report is made of, as plain values and views: the plan, what was written and measured, and
// how the run went. Everything a report says follows from this; nothing is read again.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "calib/input_amax.h"
#include "calib/input_stats.h"
#include "io/checkpoint.h"
#include "quant/convert.h"
#include "quant/plan.h"

namespace glimmer::report {

// A weight file has the first two hashes, any other the last.
struct SourceFile {
  std::string name;
  uint64_t bytes = 0;
  std::string header_hash{};  // XXH3 of the safetensors header
  // XXH3 over the file's beginning up to its data and its tensors' XXH3 in the file's order, as
  // FileEntry has it of the output. Empty when not every tensor was read.
  std::string digest{};
  std::string sha256{};
};

// One file of calibration texts, as data::FileReport says it.
struct CalibrationFile {
  std::string path;
  std::string sha256;
  uint64_t samples_asked = 0, samples = 0, tokens = 0, truncated = 0, lines = 0;
  std::vector<std::pair<std::string, uint64_t>> skipped;  // reason, lines
};

struct Calibration {
  const calib::InputStats& stats;
  const calib::InputAmaxes& amaxes;
  std::vector<CalibrationFile> files;  // none when the statistics were given
  std::string fingerprint;             // of the token sequences; empty as well
  std::string stats_file, stats_hash;  // given statistics
  std::string expert_input_scale;      // "expert" or "layer"
};

// What differs from run to run; it goes into report.* only.
struct RunFacts {
  std::string started{}, finished{};  // UTC, "2026-11-23T23:16:52Z"
  double seconds = 0;                 // of this run, as are the others
  double calibration_seconds = 0;     // 0: nothing was calibrated
  uint64_t source_bytes_read = 0;     // of tensors
};

struct Facts {
  const quant::Plan& plan;
  const quant::Companions& companions;
  const quant::Written& written;
  const base::JsonObject& settings;  // of the conversion
  std::string source_folder, output_folder;
  std::vector<SourceFile> source_files;
  // Options that make the same bytes again, behind `glimmer quantize MODEL OUT`: name and value, as
  // given; paths are marked so that the card can shorten them.
  struct Argument {
    std::string text;
    bool is_path = false;
  };
  std::vector<Argument> arguments;
  const Calibration* calibration = nullptr;  // weights only: none
  RunFacts run;
};

// The source's weight files, whose tensors were hashed while they were read, then its config.json,
// index, and tokenizer, and what was copied. Errors: kIo, kCorrupt.
base::Result<std::vector<SourceFile>> DescribeSource(const io::Checkpoint& source,
                                                     const std::string& folder,
                                                     const quant::Plan& plan,
                                                     const quant::Companions& companions,
                                                     const quant::Written& written);

// The last component of a folder's path, whatever form the path has.
std::string FolderName(const std::string& path);

}  // namespace glimmer::report
