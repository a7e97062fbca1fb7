// A checkpoint against its BF16 original: whether quantizing it again gives the same bytes, and how
// far the quantized weights are from it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/result.h"
#include "check/finding.h"
#include "model/inventory.h"
#include "model/loaded_checkpoint.h"
#include "tensor/pack_error.h"

namespace glimmer::check {

using model::LoadedCheckpoint;

// What was compared for the linears (or other tensors) of one kind.
struct KindReport {
  uint64_t tensors = 0;
  uint64_t quantized = 0;
  uint64_t differing = 0;   // from what quantizing the base again gives
  tensor::PackError error;  // of quantized linears
};

using KindReports = std::array<KindReport, model::kModuleKinds>;

struct LinearError {
  std::string module;
  double relative_rms;
};

constexpr size_t kWorstLinears = 10;

struct BaseReport {
  KindReports kinds;
  std::vector<LinearError> worst;  // the kWorstLinears with the largest error, worst first
  std::string scale_rule;          // "cpu" or "gpu": which one weight_scale_2 follows
};

// Tensors and quantized ones of each kind, without errors.
KindReports CountKinds(const LoadedCheckpoint& checkpoint);

// Differences become findings. REQUIRES: the checkpoint is sound (CheckIntegrity). Reads both
// checkpoints whole, with bounded memory. `bytes_done` counts base bytes. Errors: kInvalid when the
// two are not of one model; kIo; kCancelled.
base::Result<BaseReport> CompareWithBase(const LoadedCheckpoint& checkpoint,
                                         const LoadedCheckpoint& base, size_t workers,
                                         const base::CancelFlag& cancel,
                                         std::atomic<uint64_t>& bytes_done, Findings& findings);

}  // namespace glimmer::check
