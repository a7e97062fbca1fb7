#include "base/mapped_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/text.h"

// Of Linux 5.14; older headers lack it.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace glimmer::base {
namespace {

void Touch(std::span<const std::byte> bytes, size_t page_bytes) {
  for (size_t at = 0; at < bytes.size(); at += page_bytes) {
    [[maybe_unused]] const std::byte read = *static_cast<const volatile std::byte*>(&bytes[at]);
  }
}

}  // namespace

Result<MappedFile> MappedFile::Map(const File& file) {
  GLIMMER_ASSIGN(const uint64_t size_bytes, file.SizeBytes());
  if (size_bytes == 0) return MappedFile(file.path(), nullptr, 0);
  void* data = ::mmap(nullptr, size_bytes, PROT_READ, MAP_SHARED, file.fd_, 0);
  if (data == MAP_FAILED) return file.Failure("map");
  ::madvise(data, size_bytes, MADV_HUGEPAGE);
  return MappedFile(file.path(), static_cast<const std::byte*>(data), size_bytes);
}

Status MappedFile::Populate(uint64_t offset, uint64_t size_bytes) const {
  static const auto page_bytes = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const uint64_t first = offset / page_bytes * page_bytes;
  if (first >= size_bytes_) return {};
  const auto range = bytes().subspan(first, std::min(offset + size_bytes, size_bytes_) - first);
  auto* address = const_cast<std::byte*>(range.data());
  while (::madvise(address, range.size(), MADV_POPULATE_READ) != 0) {
    if (errno == EINTR) continue;
    if (errno != EFAULT && errno != EIO && errno != EHWPOISON) {
      Touch(range, page_bytes);
      return {};
    }
    return IoError(Quoted(path_) + ": became shorter after it was opened, or its disk failed");
  }
  return {};
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_bytes_);
}

}  // namespace glimmer::base
