#include "base/scratch_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace glimmer::base {
namespace {

Error Failure(const std::string& folder, const char* action, int code) {
  const std::string message =
      fmt::format("{}: cannot {} a scratch file: {}", Quoted(folder), action, std::strerror(code));
  return code == ENOSPC ? Exhausted(message) : IoError(message);
}

}  // namespace

Result<ScratchFile> ScratchFile::Create(const std::string& folder, size_t size_bytes) {
  std::string path = folder + "/.glimmer-scratch-XXXXXX";
  const int fd = ::mkstemp(path.data());
  if (fd < 0) return Failure(folder, "create", errno);
  ::unlink(path.c_str());
  if (const int code = ::posix_fallocate(fd, 0, static_cast<off_t>(size_bytes)); code != 0) {
    ::close(fd);
    return Failure(folder, fmt::format("reserve {} for", HumanBytes(size_bytes)).c_str(), code);
  }
  void* data = ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const int code = errno;
  ::close(fd);
  if (data == MAP_FAILED) return Failure(folder, "map", code);
  return ScratchFile(static_cast<std::byte*>(data), size_bytes);
}

ScratchFile::ScratchFile(ScratchFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)) {}

ScratchFile& ScratchFile::operator=(ScratchFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

ScratchFile::~ScratchFile() {
  if (data_ != nullptr) ::munmap(data_, size_bytes_);
}

}  // namespace glimmer::base
