// A file as memory, read only and shared with the page cache: nothing is copied, and what does not
// fit into memory is read again when it is needed.
// A page that the disk cannot deliver, or a file cut short after mapping, raises SIGBUS at the
// access; a program that maps files installs a handler that ends it with a sentence (apps/main.cc).
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/file.h"
#include "base/result.h"

namespace glimmer::base {

class MappedFile {
 public:
  // The whole file. The File may be closed afterwards. Errors: kIo.
  static Result<MappedFile> Map(const File& file);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_bytes_}; }

 private:
  MappedFile(const std::byte* data, size_t size_bytes) : data_(data), size_bytes_(size_bytes) {}

  const std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
};

}  // namespace glimmer::base
