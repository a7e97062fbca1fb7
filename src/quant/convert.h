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
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json_types.h"
#include "base/parallel.h"
#include "base/result.h"
#include "kernels/nvfp4_pack.h"
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
  // Measure what packing loses. REQUIRES: no linear of the source is packed already.
  bool measure_errors = false;
};

// Everything in the output folder beside the weights.
struct Companions {
  std::vector<std::pair<std::string, std::string>> texts;   // name, content
  std::vector<std::pair<std::string, std::string>> copies;  // name, path of the original
  std::vector<std::string> others;  // names of what the caller writes before Conversion::Finish()
  std::vector<std::string> dated;   // of those: what differs from run to run
  // Write SHA256SUMS too, of all files but itself and the dated ones.
  bool sums = false;
  std::vector<std::string> scratch;  // names of folders that are there in between only
  uint64_t scratch_bytes = 0;        // that they take together
};

struct Progress {
  std::atomic<uint64_t> source_bytes_done{0};
  std::atomic<uint64_t> source_bytes_kept{0};  // of those: packed before, by an earlier attempt
};

struct ConvertSummary {
  bool was_complete = false;  // nothing had to be done
  size_t files_kept = 0;      // from an earlier attempt
  uint64_t bytes_written = 0;
  double seconds = 0;
};

// What is known of the weight files once they are complete.
struct Written {
  std::vector<std::string> digests;        // by file: over header and tensors' hashes
  std::vector<std::string> sha256;         // by file, with Companions::sums
  std::vector<kernels::PackError> errors;  // by spec; zero where nothing was measured
  // By spec: XXH3 of the source's tensor; empty where it is not known.
  std::vector<std::string> source_hashes;
};

enum class OutputState { kFresh, kUnfinished, kFinished };

// Whether `folder` can take the output, and what of it is there: absent or empty, or with
// options.resume an unfinished or finished conversion of the same plan; and whether the disk has
// room. Writes nothing. `settings` are the facts that must not have changed since an unfinished
// attempt. Errors: kInvalid naming what stands in the way; kExhausted when the disk is too small.
base::Result<OutputState> CheckOutput(const Plan& plan, const Companions& companions,
                                      const std::string& folder, const base::JsonObject& settings,
                                      bool resume);

// A conversion in progress, for callers that have weights in memory for reasons of their own and
// hand them over piece by piece. One thread at a time.
class Conversion {
 public:
  // REQUIRES: CheckOutput() said kFresh or kUnfinished. All arguments must outlive the conversion.
  // Errors: kInvalid when another process is at work; kIo, kExhausted, kCancelled.
  static base::Result<Conversion> Begin(const Plan& plan, const Companions& companions,
                                        const std::string& folder, const base::JsonObject& settings,
                                        const ConvertOptions& options,
                                        const base::CancelFlag& cancel, Progress& progress);
  Conversion(Conversion&&) noexcept;
  ~Conversion();

  // Packs or copies these tensors, with the others of their groups, but no input scales. May be
  // called again with the same weights. Errors of these: kCorrupt for weights that are not finite;
  // kIo, kExhausted; kCancelled. After any of them the folder holds a journal, complete files and
  // `.partial` ones.
  base::Status WriteWeights(const WeightSource& source, const std::vector<size_t>& specs);
  // Tensors that are complete will be kept by an attempt to go on from here.
  base::Status Commit();
  // Everything that is not complete yet, input scales included.
  base::Status WriteRest(const WeightSource& source);
  // REQUIRES: WriteRest() succeeded.
  Written written() const;
  // Companions, sums and index; the journal goes. REQUIRES: WriteRest() succeeded. Called once.
  base::Result<ConvertSummary> Finish();

 private:
  struct State;
  explicit Conversion(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// All of it at once; `write_others` writes companions.others once the weights are there. Errors:
// those of CheckOutput, Conversion and `write_others`.
base::Result<ConvertSummary> Convert(
    const Plan& plan, const WeightSource& source, const Companions& companions,
    const std::string& folder, const base::JsonObject& settings, const ConvertOptions& options,
    const base::CancelFlag& cancel, Progress& progress,
    const std::function<base::Status(const Written&)>& write_others = {});

}  // namespace glimmer::quant
