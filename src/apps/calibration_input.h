// Calibration as a command is asked for it: which texts, through which arithmetic, in how much
// memory.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/model_input.h"
#include "apps/options.h"
#include "base/json_types.h"
#include "base/result.h"
#include "data/calibration_set.h"
#include "model/settings.h"
#include "quant/plan.h"

namespace glimmer::apps {

// modelopt's; a model with a shorter context takes less without a word.
constexpr uint64_t kDefaultSeqLen = 2048;

struct CalibrationOptions {
  std::vector<std::string> files;
  uint64_t samples = 256;
  uint64_t seq_len = kDefaultSeqLen;
  bool chat = false;
  std::string activations = "bf16";
  std::string expert_input_scale = "expert";
  std::optional<double> latent_norm_eps{};
  std::string memory;              // empty: half of what there is
  size_t threads = 0;              // 0: one for each core
  std::vector<Option> declared{};  // that calibrating alone uses
  std::vector<Option> scaling{};   // that input scales follow from

  model::Settings settings() const;
  model::ExpertInputScale sharing() const;
  size_t thread_count() const;
  // Threads that pack: as many as were asked for, within quant::kMaxWorkers, whose memory they
  // take; quant::ConvertWorkers() of themselves.
  size_t packing_workers() const;
  // The same where nothing is calibrated: no more than --memory holds, if it was given. Errors:
  // kExhausted.
  base::Result<size_t> packing_workers_within_memory(const quant::Plan& plan) const;
  // Errors: kInvalid for a text that is no size.
  base::Result<uint64_t> memory_bytes() const;
  // Where nothing is calibrated because of --stats, or because of --weights-only, which needs no
  // input scales either. Errors: kInvalid, naming an option that was given and has no meaning then.
  base::Status CheckUnusedByStats() const;
  base::Status CheckUnusedByWeightsOnly() const;
};

void AddCalibrationOptions(Command command, CalibrationOptions& options);

// Whether the files can be read, where there is no tokenizer to read them with. Errors: those of
// data::ParseCalibrationFile and of opening a file.
base::Status CheckCalibrationFiles(const CalibrationOptions& options);

// Reads the texts with the model's own tokenizer and template; tells on standard error what is used
// by default and what was skipped. Errors: those of data::ReadCalibrationSet.
base::Result<data::CalibrationSet> ReadCalibration(const CalibrationOptions& options,
                                                   const ModelInput& input);

// What the statistics follow from, by the names that errors and reports use.
base::JsonObject StatsSettings(const CalibrationOptions& options, const ModelInput& input,
                               const data::CalibrationSet& set);

}  // namespace glimmer::apps
