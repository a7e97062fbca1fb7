// A look at every stored number that can be wrong by itself: block scales that are NaN or negative,
// BF16 and F32 tensors that are not finite. (Each of the sixteen E2M1 codes is a finite number, so
// packed weights cannot be.) Tensors are read in pieces, several at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/parallel.h"
#include "base/result.h"
#include "check/engine.h"
#include "check/finding.h"
#include "check/opened.h"

namespace glimmer::check {

// Bytes that CheckDeep() will read, for a progress line.
uint64_t DeepBytes(const Opened& opened);

// Adds to `findings`, one case for each tensor with its first bad element. Returns the linears
// whose block scales hold a NaN. REQUIRES: opened.has_weights(). Errors: kIo, kCorrupt, kCancelled.
base::Result<std::vector<BlockScaleDefect>> CheckDeep(const Opened& opened, size_t workers,
                                                      const base::CancelFlag& cancel,
                                                      std::atomic<uint64_t>& bytes_done,
                                                      Findings& findings);

}  // namespace glimmer::check
