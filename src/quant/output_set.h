// The weight files of a conversion while they are written: each is created when its first tensor
// arrives, takes tensors in any order from several threads, and is synced and recorded in the
// journal when its last tensor is complete. Final names come when all files are: a weight that
// turns out to be broken leaves none. What the journal knows of an earlier attempt, files and
// single tensors of unfinished ones, is kept where its bytes still have their hash.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/parallel.h"
#include "base/result.h"
#include "io/shard_writer.h"
#include "quant/journal.h"
#include "quant/plan.h"

namespace glimmer::quant {

// Whether the error of packing is wanted.
enum class Errors { kUnknown, kMeasured };
// Whether the SHA-256 of files is.
enum class Sums { kUnknown, kSha256 };

class OutputSet {
 public:
  // All but `folder` must outlive it. With kMeasured, what an earlier attempt packed is kept only
  // where the journal has its error.
  OutputSet(const Plan& plan, std::string folder, Journal& journal, Errors errors, Sums sums,
            const base::CancelFlag& cancel);

  // Finds what to keep by reading it. Errors: kIo, kCancelled.
  base::Status VerifyKept(size_t workers);
  bool kept(size_t file) const { return states_[file].kept; }
  // Whether the tensor is complete, from now or before.
  bool finished(Place place) const;

  // Both do nothing for a complete file. A tensor may be written again, with the same bytes.
  // Offsets count from the tensor's first byte.
  base::Status Write(Place place, uint64_t offset, std::span<const std::byte> bytes);
  // What packing this linear's weight lost. REQUIRES: before Finish() of the weight.
  void SetError(Place weight, const kernels::PackError& error);
  // Of what the tensor was made; an empty one says nothing. REQUIRES: before Finish() of the
  // tensor.
  void SetSourceHash(Place place, std::string hash);
  // The tensor is complete and its bytes have this hash.
  base::Status Finish(Place place, std::string hash);

  // Makes the tensors that are complete durable and records them. REQUIRES: no other call runs.
  base::Status Commit();
  // Completes files of which every tensor is. REQUIRES: no other call runs.
  base::Status CompleteRest();
  // Gives all files their final names. REQUIRES: all are complete; no other call runs.
  base::Status Publish();

  uint64_t bytes_written() const { return bytes_written_; }
  // REQUIRES: the file is complete.
  const FileHashes& hashes(size_t file) const { return states_[file].file_hashes; }
  // Empty where it is not known.
  const std::string& source_hash(Place place) const {
    return states_[place.file].source_hashes[place.slot];
  }
  // Zero where nothing was measured.
  kernels::PackError error(Place weight) const {
    return states_[weight.file].errors[weight.slot].value_or(kernels::PackError());
  }

 private:
  struct State {
    bool kept = false;       // complete
    bool published = false;  // under its final name
    std::mutex mutex;        // guards creation
    std::optional<io::ShardWriter> writer;
    std::vector<std::string> hashes;  // by slot; empty of tensors that are not complete
    std::vector<uint8_t> recorded;    // by slot: the journal knows the hash
    std::vector<std::optional<kernels::PackError>> errors;  // by slot
    std::vector<uint8_t> measured;                          // by slot: is kept with its error only
    std::vector<std::string> source_hashes;                 // by slot
    FileHashes file_hashes;                                 // once it is complete
    std::atomic<size_t> unfinished{0};
  };

  base::Status Open(size_t file);
  base::Status Complete(size_t file);
  // Takes what the journal knows of these slots; false when an error is missing.
  bool RestoreFacts(size_t file, const std::vector<uint32_t>& slots);
  std::vector<uint32_t> AllSlots(size_t file) const;
  TensorFacts FactsOf(size_t file, const std::vector<uint32_t>& slots) const;
  std::string Digest(size_t file, const std::vector<std::string>& hashes) const;
  // Hashes the tensors with these slots; nothing when the file is not as planned.
  base::Result<HashesBySlot> HashTensors(const std::string& path, size_t file,
                                         const std::vector<uint32_t>& slots) const;
  base::Status VerifyFile(size_t file);
  base::Status VerifyTensors(size_t file);
  // Reads the file back, most of it from the page cache: its tensors were written by several
  // threads at their places, so no hash could follow the order of the bytes.
  base::Result<std::string> SumOf(const std::string& path) const;

  const Plan& plan_;
  std::string folder_;
  Journal& journal_;
  Sums sums_;
  const base::CancelFlag& cancel_;
  std::vector<State> states_;
  std::atomic<uint64_t> bytes_written_{0};
};

// Writes one tensor of the output from its first byte to its last.
class TensorWriter {
 public:
  TensorWriter(OutputSet& outputs, Place place) : outputs_(outputs), place_(place) {}

  base::Status Append(std::span<const std::byte> bytes) {
    hasher_.Add(bytes);
    GLIMMER_TRY(outputs_.Write(place_, offset_, bytes));
    offset_ += bytes.size();
    return {};
  }
  base::Status Finish() { return outputs_.Finish(place_, hasher_.Hex()); }

 private:
  OutputSet& outputs_;
  Place place_;
  base::Hasher hasher_;
  uint64_t offset_ = 0;
};

}  // namespace glimmer::quant
