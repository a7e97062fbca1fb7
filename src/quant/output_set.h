// The weight files of a conversion while they are written: each is created when its first tensor
// arrives, takes tensors in any order from several threads, and is synced, recorded in the journal
// and given its final name when its last tensor is complete. Files that the journal knows and whose
// bytes still have their digest are kept and not written again.
#pragma once

#include <atomic>
#include <cstdint>
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

class OutputSet {
 public:
  // `plan` and `journal` must outlive it.
  OutputSet(const Plan& plan, std::string folder, Journal& journal);

  // Finds the files to keep by reading them whole. Errors: kIo, kCancelled.
  base::Status VerifyKept(size_t workers, const base::CancelFlag& cancel);
  bool kept(size_t file) const { return states_[file].kept; }

  // Both do nothing for a kept file. Offsets count from the tensor's first byte.
  base::Status Write(Place place, uint64_t offset, std::span<const std::byte> bytes);
  // The tensor is complete and its bytes have this hash.
  base::Status Finish(Place place, std::string hash);

  uint64_t bytes_written() const { return bytes_written_; }

 private:
  struct State {
    bool kept = false;
    std::mutex mutex;  // guards creation
    std::optional<io::ShardWriter> writer;
    std::vector<std::string> hashes;  // by slot
    std::atomic<size_t> unfinished{0};
  };

  base::Status Open(size_t file);
  base::Status Complete(size_t file);
  std::string Digest(size_t file, const std::vector<std::string>& hashes) const;
  base::Result<bool> StillHasDigest(size_t file, const base::CancelFlag& cancel) const;

  const Plan& plan_;
  std::string folder_;
  Journal& journal_;
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
