// From a BF16 checkpoint to an NVFP4 one with input scales: calibrating and packing in one pass
// over the weights, or packing alone when the statistics are there already. Source:
// docs/calibration.md.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "calib/calibrate.h"
#include "calib/input_amax.h"
#include "calib/memory.h"
#include "quant/convert.h"

namespace glimmer::calib {

// Where a run keeps what it needs to go on, inside the output folder until that is complete.
inline constexpr char kScratchFolder[] = ".glimmer-calibration";

struct CalibratedOptions {
  quant::ConvertOptions convert;
  size_t batch_tokens = kMostBatchTokens;
  size_t threads = 1;
  model::ExpertInputScale expert_input_scale = model::ExpertInputScale::kExpert;
  // What the statistics follow from: kSourceConfig, kActivations and whatever else the caller
  // knows.
  base::JsonObject stats_settings;
  // Use these statistics instead of calibrating.
  std::string stats_path;
  // Told what of an earlier attempt is not used, and why.
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

// Names in stats_settings that are read again.
inline constexpr char kSourceConfig[] = "source config.json";
inline constexpr char kActivations[] = "--activations";

// What to calibrate with. REQUIRES without stats_path: both are there.
struct CalibrationInput {
  const model::Model* model = nullptr;  // of the source
  const Sequences* sequences = nullptr;
};

struct CalibratedResult {
  quant::ConvertSummary summary;
  quant::Written written;
  InputStats stats;
  InputAmaxes amaxes;
  double calibration_seconds = 0;
  uint64_t source_bytes_read = 0;  // of tensors, in this run
};

struct CalibratedProgress {
  std::atomic<uint64_t> work{0};             // of CalibrationWork()
  std::atomic<uint64_t> work_kept{0};        // of that: by an earlier attempt
  quant::Progress convert;                   // of what calibrating left
  std::function<void()> calibrated = [] {};  // called between the two
};

// Writes the checkpoint, the statistics as kStatsName beside it, and whatever `write_others` writes
// once the weights are there; index and companions come last. `settings` are those of
// CheckOutput(). REQUIRES: CheckOutput() said kFresh or kUnfinished. Errors: those of Calibrate(),
// ReadStats() and quant::Conversion.
base::Result<CalibratedResult> ConvertCalibrated(
    const quant::Plan& plan, const io::Checkpoint& checkpoint, const quant::Companions& companions,
    const std::string& folder, const base::JsonObject& settings, const CalibrationInput& input,
    const CalibratedOptions& options, const base::CancelFlag& cancel, CalibratedProgress& progress,
    const std::function<base::Status(const CalibratedResult&)>& write_others);

// Whether a finished output has the input scales that its own statistics give with the options'
// sharing and rule. Errors: kInvalid naming the first that differs; those of ReadStats() and of
// reading the output.
base::Status CheckFinishedScales(const quant::Plan& plan, const std::string& folder,
                                 const CalibratedOptions& options);

}  // namespace glimmer::calib
