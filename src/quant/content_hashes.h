// Hashes of tensors, computed while they are read for another purpose: each byte of a source passes
// once anyway.
#pragma once

#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"

namespace glimmer::quant {

class ContentHashes {
 public:
  explicit ContentHashes(size_t tensors) : hex_(tensors) {}

  // A piece was read of the tensor, which has `size_bytes`. Counts where pieces follow each other
  // from the first byte to the last, a piece that begins at 0 starting anew; what is known already
  // is not computed again. Thread-safe for different tensors.
  void Add(size_t tensor, uint64_t offset, std::span<const std::byte> piece, uint64_t size_bytes);

  // XXH3 of the tensor's bytes; empty when they were not read in order to the end.
  std::string Of(size_t tensor) const;

 private:
  struct Begun {
    base::Hasher hasher;
    uint64_t next = 0;
  };

  mutable std::mutex mutex_;
  std::map<size_t, Begun> begun_;
  std::vector<std::string> hex_;
};

}  // namespace glimmer::quant
