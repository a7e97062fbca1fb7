// Memory that a file stands behind: the system keeps in memory what fits and writes the rest to the
// disk, so the size is bounded by the disk. The file has no name and vanishes with the program.
// The bytes count as file pages (RssFile), not as anonymous memory.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace glimmer::base {

class ScratchFile {
 public:
  // Zeros, in `folder`, the space reserved. Errors: kExhausted when the disk is too small; kIo.
  static Result<ScratchFile> Create(const std::string& folder, size_t size_bytes);

  ScratchFile(ScratchFile&& other) noexcept;
  ScratchFile& operator=(ScratchFile&& other) noexcept;
  ~ScratchFile();

  std::span<std::byte> bytes() const { return {data_, size_bytes_}; }

 private:
  ScratchFile(std::byte* data, size_t size_bytes) : data_(data), size_bytes_(size_bytes) {}

  std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
};

}  // namespace glimmer::base
