// A file as memory, read only and shared with the page cache: nothing is copied, and what does not
// fit into memory is read again when it is needed.
// A page that the disk cannot deliver, or a file cut short after mapping, raises SIGBUS at the
// access; a program that maps files installs a handler that ends it with a sentence (apps/main.cc).
// Huge pages are asked for: the system uses them where the file system has them, for what it reads
// from the disk from then on. docs/threads.md#weights.
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

  // Reads this range from the disk where memory does not hold it, and maps its pages, so that
  // touching them waits for nothing as long as the system keeps them. The range may end behind the
  // file's end. Errors: kIo, naming the file, when the disk fails or the file became shorter;
  // systems before Linux 5.14 raise SIGBUS instead.
  Status Populate(uint64_t offset, uint64_t size_bytes) const;

 private:
  MappedFile(std::string path, const std::byte* data, size_t size_bytes)
      : path_(std::move(path)), data_(data), size_bytes_(size_bytes) {}

  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
};

}  // namespace glimmer::base
