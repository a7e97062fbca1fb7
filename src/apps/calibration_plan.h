// What calibrating will take on this machine: memory, disk and time, from a short measurement.
#pragma once

#include <string>

#include "apps/calibration_input.h"
#include "base/json_types.h"
#include "calib/estimate.h"
#include "quant/plan.h"

namespace glimmer::apps {

struct CalibrationEstimate {
  uint64_t samples = 0;
  uint64_t tokens = 0;
  bool tokens_known = false;  // the texts were read; otherwise the most they can be
  uint64_t batch_tokens = 0;
  uint64_t memory_bytes = 0;   // anonymous, at most
  uint64_t scratch_bytes = 0;  // on the output's disk, while calibrating
  double flops = 0;
  double flops_per_second = 0;
  double read_bytes_per_second = 0;  // of the source; 0: not known
  double packed_bytes_per_second = 0;
  std::string disk_folder;    // whose disk was measured for what is written
  calib::DiskSpeed disk;      // zeros: not known
  std::string disk_problem;   // why
  calib::SpillTraffic spill;  // of activations
  bool spill_fits = false;    // the page cache can hold the scratch files
  size_t threads = 0;

  double compute_seconds() const { return flops / flops_per_second; }
};

// Reads the calibration files if any are given. Measures for two or three seconds, the disk in
// `disk_folder` or the nearest folder above it that exists. Errors: those of ReadCalibration and
// calib::BatchTokensFor.
base::Result<CalibrationEstimate> EstimateCalibration(const CalibrationOptions& options,
                                                      const ModelInput& input,
                                                      const quant::Plan& plan,
                                                      const std::string& disk_folder);

std::string EstimateText(const CalibrationEstimate& estimate, const quant::Plan& plan);
base::JsonObject EstimateJson(const CalibrationEstimate& estimate, const quant::Plan& plan);

}  // namespace glimmer::apps
