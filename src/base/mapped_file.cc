#include "base/mapped_file.h"

#include <sys/mman.h>

#include <utility>

namespace glimmer::base {

Result<MappedFile> MappedFile::Map(const File& file) {
  GLIMMER_ASSIGN(const uint64_t size_bytes, file.SizeBytes());
  if (size_bytes == 0) return MappedFile(nullptr, 0);
  void* data = ::mmap(nullptr, size_bytes, PROT_READ, MAP_SHARED, file.fd_, 0);
  if (data == MAP_FAILED) return file.Failure("map");
  return MappedFile(static_cast<const std::byte*>(data), size_bytes);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_bytes_);
}

}  // namespace glimmer::base
