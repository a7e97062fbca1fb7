// The file of calibration statistics: one JSON object a line, appended and synced layer by layer,
// so that it is also the record from which a calibration goes on.
//
//   {"glimmer_calibration": 1, "settings": {…}}
//   {"modules": ["model.layers.0.self_attn.q_a_proj", …], "tokens": 4096, "amax": 3.5, …}
//   {"layers_done": 1, "hidden": 1}
//   …
//   {"complete": true}
//
// Source: docs/formats.md#calibration-statistics.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"
#include "calib/input_stats.h"

namespace glimmer::calib {

inline constexpr char kStatsName[] = "calibration_stats.jsonl";

struct StoredStats {
  base::JsonObject settings;
  InputStats stats;  // by input group of `specs`; of layers that are not done, empty
  size_t layers_done = 0;
  std::optional<size_t> hidden;  // HiddenStates::kept() behind these layers
  bool complete = false;
};

// Errors: kNotFound, kIo; kInvalid when it is no such file or of another model: a line that is not
// understood, or modules that `specs` does not have.
base::Result<StoredStats> ReadStats(const std::string& path,
                                    const std::vector<model::TensorSpec>& specs);

class StatsWriter {
 public:
  // Begins the file, or goes on behind `layers_done` layers: what stands after that is cut off.
  // Errors: kIo, kExhausted.
  static base::Result<StatsWriter> Open(const std::string& path,
                                        const std::vector<model::TensorSpec>& specs,
                                        const base::JsonObject& settings, size_t layers_done);

  // The groups of the layers [first, last), then the record that they are done. Durable when it
  // returns.
  base::Status AppendLayers(size_t first, size_t last, const InputStats& stats, size_t hidden);
  // The groups outside the layers, then the end.
  base::Status Finish(const InputStats& stats);

 private:
  StatsWriter(base::File file, const std::vector<model::TensorSpec>& specs)
      : file_(std::move(file)), specs_(&specs) {}
  std::string GroupLines(uint32_t layer, const InputStats& stats) const;

  base::File file_;
  const std::vector<model::TensorSpec>* specs_;
};

}  // namespace glimmer::calib
