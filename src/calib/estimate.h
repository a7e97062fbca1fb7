// How long calibrating takes on this machine, before it begins.
// Source: docs/calibration.md#cost.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "calib/memory.h"
#include "io/checkpoint.h"
#include "model/inventory.h"

namespace glimmer::calib {

// Operations of the main layers over these tokens, a multiply-add being two. Linear in the tokens
// but for attention, which counts every sequence as long as the longest.
double CalibrationFlops(const model::Config& config, const std::vector<model::TensorSpec>& specs,
                        const CalibrationShape& shape);

// Operations a second of the products that calibrating consists of: BF16 weights, F32 sums, many
// rows. Takes about half a second.
double MeasureFlops(base::ThreadPool& pool);

// Bytes a second that the disk gives of this checkpoint, from a sample that is read past the page
// cache as far as the system allows; 0 for a checkpoint too small to tell. Errors: kIo.
base::Result<double> MeasureReading(const io::Checkpoint& checkpoint);

}  // namespace glimmer::calib
