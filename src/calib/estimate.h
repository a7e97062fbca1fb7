// How long calibrating takes on this machine, before it begins: what it is made of, and short
// measurements.
// Source: docs/calibration.md#cost.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "calib/memory.h"
#include "calib/row_file.h"
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

// Bytes of BF16 weights that are packed to NVFP4 and measured in a second, by all threads.
double MeasurePacking(base::ThreadPool& pool);

struct DiskSpeed {
  double write_bytes_per_second = 0;
  double read_bytes_per_second = 0;
};

// What the disk under `folder` takes with fdatasync and gives past the page cache, as far as the
// system allows: of a file without a name, 64 MiB, or less where that takes more than a second.
// Errors: kIo, kExhausted, kNotFound.
base::Result<DiskSpeed> MeasureDisk(const std::string& folder);

// Bytes of activations that pass between the program and the scratch files.
struct SpillTraffic {
  uint64_t written = 0;
  uint64_t read = 0;
  // Of those written, what is waited for behind each layer so that --resume can go on there.
  uint64_t synced = 0;
};
SpillTraffic SpillTrafficOf(const model::Config& config, uint64_t tokens, RowElement element);

// Bytes a second that the disk gives of this checkpoint, from a sample that is read past the page
// cache as far as the system allows; 0 for a checkpoint too small to tell. Errors: kIo.
base::Result<double> MeasureReading(const io::Checkpoint& checkpoint);

}  // namespace glimmer::calib
