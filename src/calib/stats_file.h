// The file of calibration statistics: one JSON object a line, appended and synced layer by layer,
// so that it is also the record from which a calibration goes on. Each line carries a seal that
// covers it and all lines before it (base/sealed_line.h), not shown here.
//
//   {"glimmer_calibration": 2, "settings": {…}}
//   {"modules": ["model.layers.0.self_attn.q_a_proj", …], "tokens": 4096, "amax": 3.5, …}
//   {"layers_done": 1, "hidden": 1, "hidden_xxh3": "…"}
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
#include "calib/hidden_states.h"
#include "calib/input_stats.h"

namespace glimmer::calib {

inline constexpr char kStatsName[] = "calibration_stats.jsonl";

struct StoredStats {
  base::JsonObject settings;
  InputStats stats;  // by input group of `specs`; of layers that are not done, empty
  size_t layers_done = 0;
  std::optional<KeptStream> hidden;  // behind these layers
  bool complete = false;
  bool damaged = false;  // with kEndsThere: a line was, and those behind it were not read
};

// What a line that lacks its seal, or has another one, means: that the file is no good, or that it
// ends before that line.
enum class DamagedLine { kError, kEndsThere };

// A last line without its end, as a kill leaves it, is no line. Errors: kNotFound, kIo; kCorrupt
// for a damaged line; kInvalid when it is no such file or of another model: a line that is not
// understood, or modules that `specs` does not have.
base::Result<StoredStats> ReadStats(const std::string& path,
                                    const std::vector<model::TensorSpec>& specs,
                                    DamagedLine damaged = DamagedLine::kError);

class StatsWriter {
 public:
  // Begins the file, or goes on behind `layers_done` layers: what stands after that is cut off.
  // Errors: kIo, kExhausted.
  static base::Result<StatsWriter> Open(const std::string& path,
                                        const std::vector<model::TensorSpec>& specs,
                                        const base::JsonObject& settings, size_t layers_done);

  // The groups of the layers [first, last), then the record that they are done. Durable when it
  // returns.
  base::Status AppendLayers(size_t first, size_t last, const InputStats& stats,
                            const KeptStream& hidden);
  // The groups outside the layers, then the end.
  base::Status Finish(const InputStats& stats);

 private:
  StatsWriter(base::File file, const std::vector<model::TensorSpec>& specs, std::string seal)
      : file_(std::move(file)), specs_(&specs), seal_(std::move(seal)) {}
  std::string NextLine(const base::JsonObject& object);
  std::string GroupLines(uint32_t layer, const InputStats& stats);

  base::File file_;
  const std::vector<model::TensorSpec>* specs_;
  std::string seal_;  // of the last line
};

}  // namespace glimmer::calib
