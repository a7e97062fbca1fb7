#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/hash.h"
#include "base/text.h"

namespace glimmer::base {
namespace {

namespace fs = std::filesystem;

// Linux transfers at most 2^31 - 4096 bytes a call; ask for less.
constexpr size_t kTransferBytes = size_t{1} << 30;
constexpr size_t kPieceBytes = size_t{1} << 20;  // of a file that is read whole

Error SystemError(int code, const std::string& path, const char* action) {
  std::string message = Quoted(path) + ": cannot " + action + ": " + std::strerror(code);
  if (code == ENOENT || code == ENOTDIR) return NotFound(std::move(message));
  if (code == ENOSPC || code == EDQUOT || code == EFBIG) return Exhausted(std::move(message));
  return IoError(std::move(message));
}

Result<int> OpenDescriptor(const std::string& path, int flags, const char* action) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) return SystemError(errno, path, action);
  return fd;
}

Status FromErrorCode(const std::error_code& code, const std::string& path, const char* action) {
  if (!code) return {};
  return SystemError(code.value(), path, action);
}

}  // namespace

File::File(File&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

Error File::Failure(const char* action) const { return SystemError(errno, path_, action); }

Result<File> File::OpenForReading(const std::string& path) {
  GLIMMER_ASSIGN(const int fd, OpenDescriptor(path, O_RDONLY, "open"));
  File file(fd, path);
  struct stat info;
  if (::fstat(fd, &info) != 0) return file.Failure("examine");
  if (S_ISDIR(info.st_mode)) return Invalid(Quoted(path) + ": is a folder, expected a file");
  if (!S_ISREG(info.st_mode)) return Invalid(Quoted(path) + ": is not a regular file");
  return file;
}

Result<File> File::Create(const std::string& path) {
  GLIMMER_ASSIGN(const int fd, OpenDescriptor(path, O_RDWR | O_CREAT | O_TRUNC, "create"));
  return File(fd, path);
}

Result<File> File::OpenForUpdating(const std::string& path) {
  GLIMMER_ASSIGN(const int fd, OpenDescriptor(path, O_RDWR, "open"));
  return File(fd, path);
}

Result<File> File::OpenLockedForAppending(const std::string& path) {
  GLIMMER_ASSIGN(const int fd, OpenDescriptor(path, O_RDWR | O_CREAT | O_APPEND, "open"));
  File file(fd, path);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Invalid(Quoted(path) + ": another glimmer process is writing this output");
    }
    return file.Failure("lock");
  }
  return file;
}

Result<uint64_t> File::SizeBytes() const {
  struct stat info;
  if (::fstat(fd_, &info) != 0) return Failure("examine");
  return static_cast<uint64_t>(info.st_size);
}

Status File::ReadAt(std::span<std::byte> out, uint64_t offset) const {
  while (!out.empty()) {
    const size_t want = std::min(out.size(), kTransferBytes);
    const ssize_t got = ::pread(fd_, out.data(), want, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failure("read");
    if (got == 0) {
      return Corrupt(Quoted(path_) + ": ends at byte " + std::to_string(offset) + ", expected " +
                     std::to_string(out.size()) + " more");
    }
    out = out.subspan(static_cast<size_t>(got));
    offset += static_cast<uint64_t>(got);
  }
  return {};
}

Status File::ReadInPieces(uint64_t offset, uint64_t size_bytes, std::span<std::byte> buffer,
                          const std::function<Status(std::span<const std::byte>)>& use) const {
  for (uint64_t done = 0; done < size_bytes;) {
    const auto piece = buffer.first(std::min<uint64_t>(buffer.size(), size_bytes - done));
    GLIMMER_TRY(ReadAt(piece, offset + done));
    GLIMMER_TRY(use(piece));
    done += piece.size();
  }
  return {};
}

Status File::WriteAt(std::span<const std::byte> bytes, uint64_t offset) const {
  while (!bytes.empty()) {
    const size_t want = std::min(bytes.size(), kTransferBytes);
    const ssize_t put = ::pwrite(fd_, bytes.data(), want, static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Failure("write");
    bytes = bytes.subspan(static_cast<size_t>(put));
    offset += static_cast<uint64_t>(put);
  }
  return {};
}

Status File::Append(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t put = ::write(fd_, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Failure("write");
    text.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

Status File::Reserve(uint64_t size_bytes) const {
  if (size_bytes == 0) return {};
  while (::fallocate(fd_, 0, 0, static_cast<off_t>(size_bytes)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP || errno == ENOSYS) return {};
    return Failure("reserve space for");
  }
  return {};
}

void File::StartWriteback(uint64_t offset, uint64_t size_bytes) const {
  ::sync_file_range(fd_, static_cast<off_t>(offset), static_cast<off_t>(size_bytes),
                    SYNC_FILE_RANGE_WRITE);
}

void File::WillRead(uint64_t offset, uint64_t size_bytes) const {
  ::posix_fadvise(fd_, static_cast<off_t>(offset), static_cast<off_t>(size_bytes),
                  POSIX_FADV_WILLNEED);
}

void File::Forget(uint64_t offset, uint64_t size_bytes) const {
  ::posix_fadvise(fd_, static_cast<off_t>(offset), static_cast<off_t>(size_bytes),
                  POSIX_FADV_DONTNEED);
}

Status File::Sync() const {
  if (::fsync(fd_) != 0) return Failure("sync");
  return {};
}

Result<std::string> ReadTextFile(const std::string& path, uint64_t limit_bytes) {
  GLIMMER_ASSIGN(const File file, File::OpenForReading(path));
  GLIMMER_ASSIGN(const uint64_t size_bytes, file.SizeBytes());
  if (size_bytes > limit_bytes) {
    return Exhausted(Quoted(path) + ": " + std::to_string(size_bytes) +
                     " bytes, expected at most " + std::to_string(limit_bytes));
  }
  std::string text(size_bytes, '\0');
  GLIMMER_TRY(file.ReadAt(std::as_writable_bytes(std::span(text)), 0));
  return text;
}

std::string PartialPath(const std::string& path) { return path + ".partial"; }

Status WriteFileAtomically(const std::string& path, std::string_view text) {
  const std::string partial = PartialPath(path);
  {
    GLIMMER_ASSIGN(const File file, File::Create(partial));
    GLIMMER_TRY(file.WriteAt(std::as_bytes(std::span(text)), 0));
    GLIMMER_TRY(file.Sync());
  }
  GLIMMER_TRY(RenameFile(partial, path));
  return SyncFolder(fs::path(path).parent_path().string());
}

Status CopyFileAtomically(const std::string& from, const std::string& to) {
  GLIMMER_ASSIGN(const File source, File::OpenForReading(from));
  GLIMMER_ASSIGN(const uint64_t size_bytes, source.SizeBytes());
  {
    GLIMMER_ASSIGN(const File target, File::Create(PartialPath(to)));
    std::vector<std::byte> buffer(kPieceBytes);
    uint64_t offset = 0;
    GLIMMER_TRY(source.ReadInPieces(0, size_bytes, buffer, [&](auto piece) -> Status {
      GLIMMER_TRY(target.WriteAt(piece, offset));
      offset += piece.size();
      return {};
    }));
    GLIMMER_TRY(target.Sync());
  }
  GLIMMER_TRY(RenameFile(PartialPath(to), to));
  return SyncFolder(fs::path(to).parent_path().string());
}

Result<std::string> HashOfFile(const std::string& path) {
  GLIMMER_ASSIGN(const File file, File::OpenForReading(path));
  GLIMMER_ASSIGN(const uint64_t size_bytes, file.SizeBytes());
  std::vector<std::byte> buffer(kPieceBytes);
  Hasher hasher;
  GLIMMER_TRY(file.ReadInPieces(0, size_bytes, buffer, [&](auto piece) {
    hasher.Add(piece);
    return Status();
  }));
  return hasher.Hex();
}

Status RenameFile(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return SystemError(errno, from, "rename");
  return {};
}

Status RemoveFile(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return SystemError(errno, path, "remove");
  return {};
}

Status RemoveFolder(const std::string& path) {
  std::error_code code;
  fs::remove_all(path, code);
  return FromErrorCode(code, path, "remove the folder");
}

Status SyncFolder(const std::string& path) {
  const std::string folder = path.empty() ? "." : path;
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return SystemError(errno, folder, "open");
  // Some file systems cannot sync a folder and say EINVAL; they have nothing to make durable.
  const bool failed = ::fsync(fd) != 0 && errno != EINVAL;
  const int code = errno;
  ::close(fd);
  if (failed) return SystemError(code, folder, "sync");
  return {};
}

Status CreateFolder(const std::string& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (!code && !FolderExists(path)) {
    return Invalid(Quoted(path) + ": exists and is not a folder");
  }
  return FromErrorCode(code, path, "create the folder");
}

bool FolderExists(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::string NearestFolder(const std::string& path) {
  std::error_code ignored;
  fs::path folder = fs::absolute(path, ignored).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  while (!FolderExists(folder.string()) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  return folder.string();
}

bool FileExists(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

Status CheckCanWrite(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  if (!folder.empty() && !FolderExists(folder)) {
    return NotFound(Quoted(folder) + ": no such folder, to write " + Quoted(BaseName(path)) +
                    " in");
  }
  if (FolderExists(path)) return Invalid(Quoted(path) + ": is a folder, expected a file name");
  return {};
}

Result<std::vector<std::string>> ListFolder(const std::string& path) {
  std::error_code code;
  std::vector<std::string> names;
  fs::directory_iterator entry(path, code);
  while (!code && entry != fs::directory_iterator()) {
    names.push_back(entry->path().filename().string());
    entry.increment(code);
  }
  GLIMMER_TRY(FromErrorCode(code, path, "list"));
  std::sort(names.begin(), names.end());
  return names;
}

Result<uint64_t> FreeDiskBytes(const std::string& path) {
  struct statvfs info;
  if (::statvfs(path.c_str(), &info) != 0) return SystemError(errno, path, "measure the disk of");
  return uint64_t{info.f_bavail} * info.f_frsize;
}

std::string JoinPath(const std::string& folder, const std::string& name) {
  if (folder.empty()) return name;
  return (fs::path(folder) / name).string();
}

std::string BaseName(const std::string& path) {
  fs::path p(path);
  if (!p.has_filename()) p = p.parent_path();
  return p.filename().string();
}

}  // namespace glimmer::base
