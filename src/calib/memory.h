// How much memory and disk calibrating takes, before it begins.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "calib/sequences.h"
#include "model/inventory.h"

namespace glimmer::calib {

// Tokens of a batch when memory sets no limit: more do not compute faster, and their matrices take
// memory that the system has to clear first.
constexpr size_t kMostBatchTokens = 2048;

// Bounds of what Calibrate() allocates, in bytes: `fixed` + batch tokens * `per_token`. From the
// sizes of the matrices that exist at the same time (docs/calibration.md#memory).
struct CalibrationMemory {
  uint64_t fixed = 0;
  uint64_t per_token = 0;

  uint64_t Bytes(size_t batch_tokens) const { return fixed + per_token * batch_tokens; }
};
CalibrationMemory MemoryOf(const model::Config& config, const std::vector<model::TensorSpec>& specs,
                           const CalibrationShape& shape, size_t threads);

// The most tokens of a batch with which calibrating stays below `memory_bytes`, beside
// `other_bytes` that the program needs at the same time. Errors: kExhausted, with the least that
// works.
base::Result<size_t> BatchTokensFor(const CalibrationMemory& memory, const CalibrationShape& shape,
                                    uint64_t memory_bytes, uint64_t other_bytes);

// At least `bytes`, and what HumanBytes() shows of it: fit to be asked for.
uint64_t RoundUpAsShown(uint64_t bytes);

}  // namespace glimmer::calib
