// Calibration: every token of the calibration set passes layer i before layer i + 1 begins, and the
// inputs of all linears are measured on the way.
//
// Weights come unit by unit (weight_unit.h), the next one being read while one is at work, and go
// to a sink that may quantize them before they are let go: so a model larger than memory is read
// once, whatever the number of tokens. The activations of all tokens stand on the disk between
// layers (hidden_states.h). Behind each layer everything is durable, and a later call goes on
// there. Source: docs/calibration.md.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "base/json.h"
#include "calib/input_stats.h"
#include "calib/layer_pass.h"
#include "calib/memory.h"
#include "calib/weight_unit.h"

namespace glimmer::calib {

struct CalibrationOptions {
  // Of the scratch files and the statistics; made when absent, beside the output.
  std::string folder;
  // In memory at once; a longer sequence is a batch of its own.
  size_t batch_tokens = kMostBatchTokens;
  base::JsonObject settings;  // for the head of the statistics
  // If there: receives how much of `work_done` an earlier attempt did.
  std::atomic<uint64_t>* work_kept = nullptr;
  // Told, in one sentence, why what an earlier attempt left is not used.
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

// What happens to weights while they are in memory.
class WeightSink {
 public:
  virtual ~WeightSink() = default;
  // These tensors can be read from `source` now. May come again for tensors of a layer that was
  // cut short.
  virtual base::Status OnWeights(const quant::WeightSource& source,
                                 const std::vector<size_t>& specs) = 0;
  // What was made of the weights so far must be durable when this returns.
  virtual base::Status Commit() = 0;
};

// What the linears of the main layers and lm_head read, by input group of model::ListTensors(). MTP
// layers are not run. `model` is `source`'s; its matrices are not touched where they are mapped.
// Errors: kInvalid for ids or lengths beyond the model's; kCorrupt, naming layer and module, when
// an activation is not finite; kExhausted, kIo; kCancelled; those of the sink. After any of them a
// later call with the same arguments goes on behind the last finished layer; where what that needs
// is damaged or lost, it begins again at the first, and the result is the same.
base::Result<InputStats> Calibrate(const model::Model& model, const quant::WeightSource& source,
                                   const std::vector<model::TensorSpec>& specs,
                                   base::ThreadPool& pool, const Sequences& sequences,
                                   const CalibrationOptions& options, WeightSink& sink,
                                   const base::CancelFlag& cancel,
                                   std::atomic<uint64_t>& work_done);

}  // namespace glimmer::calib
