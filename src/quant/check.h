// Is a checkpoint sound? Structure: every tensor that its config asks for is there once with the
// right type and shape, per-tensor scales are finite and positive, linears that share an input
// share their scales. Against the BF16 original: quantizing again gives the same bytes, and how far
// the quantized weights are from it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/result.h"
#include "model/inventory.h"
#include "model/loaded_checkpoint.h"

namespace glimmer::quant {

using model::LoadedCheckpoint;

// What was compared for the linears (or other tensors) of one kind.
struct KindReport {
  uint64_t tensors = 0;
  uint64_t quantized = 0;
  uint64_t differing = 0;       // from what quantizing the base again gives; --base only
  double squared_error = 0;     // sum (w - dequantized)^2 over quantized linears; --base only
  double squared_weights = 0;   // sum w^2
  double relative_rms() const;  // 0 without weights
};

struct CheckReport {
  std::vector<std::string> defects;  // one sentence each
  std::vector<std::string> notes;
  std::array<KindReport, model::kModuleKinds> kinds;
  uint64_t linears_quantized = 0;
  uint64_t tensors = 0;
  uint64_t bytes = 0;
  std::string scale_rule;  // "cpu" or "gpu": which one weight_scale_2 follows; --base only
};

// At most this many defects of one kind are spelled out; the rest are counted.
constexpr size_t kDefectsShown = 20;

// Reads headers and scalars only.
CheckReport CheckStructure(const LoadedCheckpoint& checkpoint);

// Adds to `report`. REQUIRES: CheckStructure() found no defect. Reads both checkpoints whole, with
// bounded memory. `bytes_done` counts base bytes. Errors: kInvalid when the two are not of one
// model; kIo; kCancelled.
base::Status CheckAgainstBase(const LoadedCheckpoint& checkpoint, const LoadedCheckpoint& base,
                              size_t workers, const base::CancelFlag& cancel,
                              std::atomic<uint64_t>& bytes_done, CheckReport& report);

}  // namespace glimmer::quant
