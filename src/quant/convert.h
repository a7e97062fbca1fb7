// Carries out a Plan: reads every tensor once, packs what is to be packed, and writes a complete
// checkpoint folder, or leaves a journal from which --resume goes on.
//
// Work is cut into jobs that know nothing of each other: one group of linears that share their
// scale, or one tensor to copy. A few workers take them in file order; reading, packing and writing
// overlap because different workers are at different steps. A worker's memory is one window
// (kWindowBytes) and one chunk of output, whatever the size of the model.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json_types.h"
#include "base/parallel.h"
#include "base/result.h"
#include "quant/plan.h"
#include "quant/source.h"
#include "tensor/nvfp4.h"

namespace glimmer::quant {

// A group of linears that fits into the window is read from the disk once; a larger one twice, for
// its largest magnitude and for packing.
constexpr uint64_t kWindowBytes = uint64_t{64} << 20;
constexpr uint64_t kChunkBytes = uint64_t{4} << 20;
constexpr size_t kMaxWorkers = 8;

// One more than there are processors, since some wait for the disk, within kMaxWorkers.
size_t ConvertWorkers();
// Upper bound of anonymous memory that Convert() needs.
uint64_t ConvertMemoryBytes(const Plan& plan, size_t workers);

struct ConvertOptions {
  tensor::ScaleRule rule = tensor::ScaleRule::kCpu;
  size_t workers = 1;
  bool resume = false;
};

// Everything in the output folder beside the weights.
struct Companions {
  std::vector<std::pair<std::string, std::string>> texts;   // name, content
  std::vector<std::pair<std::string, std::string>> copies;  // name, path of the original
};

struct Progress {
  std::atomic<uint64_t> source_bytes_done{0};
};

struct ConvertSummary {
  bool was_complete = false;  // nothing had to be done
  size_t files_kept = 0;      // from an earlier attempt
  uint64_t bytes_written = 0;
  double seconds = 0;
};

enum class OutputState { kFresh, kUnfinished, kFinished };

// Whether `folder` can take the output, and what of it is there: absent or empty, or with
// options.resume an unfinished or finished conversion of the same plan; and whether the disk has
// room. Writes nothing. `settings` are the facts that must not have changed since an unfinished
// attempt. Errors: kInvalid naming what stands in the way; kExhausted when the disk is too small.
base::Result<OutputState> CheckOutput(const Plan& plan, const Companions& companions,
                                      const std::string& folder, const base::JsonObject& settings,
                                      bool resume);

// Errors: those of CheckOutput; kCorrupt for weights that are not finite; kIo; kCancelled. After
// any of the last three the folder holds a journal, complete files and `.partial` ones.
base::Result<ConvertSummary> Convert(const Plan& plan, const WeightSource& source,
                                     const Companions& companions, const std::string& folder,
                                     const base::JsonObject& settings,
                                     const ConvertOptions& options, const base::CancelFlag& cancel,
                                     Progress& progress);

}  // namespace glimmer::quant
