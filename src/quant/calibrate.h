// Calibration: every token of the calibration set passes layer i before layer i + 1 begins, and the
// inputs of all linears are measured on the way.
//
// The residual stream of all tokens lives in a scratch file. A layer's attention runs over batches
// of whole sequences; its experts then run one after the other, each over all its tokens, so that
// every weight of the model is read once, whatever the number of tokens and the size of memory.
// Memory: CalibrationMemoryBytes(); it does not depend on the number of tokens but for 6 bytes a
// route.
// Source: docs/calibration.md.
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "model/model.h"
#include "quant/input_stats.h"

namespace glimmer::quant {

struct CalibrationOptions {
  std::string scratch_folder;  // of the disk that holds the hidden states
  size_t batch_tokens = 8192;  // rows in memory at once; a longer sequence is a batch of its own
};

// Runs the main layers over the sequences (ids of the vocabulary, each at least one token) and
// returns what their linears read, by input group of model::ListTensors(config). MTP layers are not
// run. `tokens_done` counts tokens times layers.
// Errors: kInvalid for ids or lengths beyond the model's; kCorrupt, naming layer and module, when
// an activation is not finite; kExhausted, kIo; kCancelled.
base::Result<InputStats> Calibrate(
    const model::Model& model, const std::vector<model::TensorSpec>& specs, base::ThreadPool& pool,
    std::span<const std::vector<int32_t>> sequences, const CalibrationOptions& options,
    const base::CancelFlag& cancel, std::atomic<uint64_t>& tokens_done);

}  // namespace glimmer::quant
