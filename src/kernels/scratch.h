// Memory for the blocks that a kernel works on.
#pragma once

#include <cstddef>

#include "kernels/attention_table.h"

namespace glimmer::kernels {

// Columns of a row of `cols` values that is padded to whole vectors.
inline size_t PaddedCols(size_t cols) { return (cols + kKeyPanel - 1) / kKeyPanel * kKeyPanel; }

// At least `floats` floats, from the beginning of a cache line on, that belong to this thread until
// its next call. What they hold is finite before their first use and left over later.
float* Scratch(size_t floats);

}  // namespace glimmer::kernels
