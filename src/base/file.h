// Files as Results: positioned reads and writes, whole small files, and the steps that make a
// result durable (write aside, sync, rename, sync the folder). POSIX; every error names the path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace glimmer::base {

class MappedFile;

// An open file. Reads and writes at offsets may run on several threads at once.
class File {
 public:
  // Errors: kNotFound, kIo, kInvalid when the path is a folder.
  static Result<File> OpenForReading(const std::string& path);
  // Creates or empties the file.
  static Result<File> Create(const std::string& path);
  // Opens an existing file for reading and writing, its content kept. Errors: kNotFound, kIo.
  static Result<File> OpenForUpdating(const std::string& path);
  // Opens for appending, creating the file if needed, and takes an exclusive lock that lasts
  // until the File is destroyed. Errors: kInvalid when another process holds the lock.
  static Result<File> OpenLockedForAppending(const std::string& path);

  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  const std::string& path() const { return path_; }
  Result<uint64_t> SizeBytes() const;

  // Fills `out` from `offset`. Errors: kIo; kCorrupt when the file ends before.
  Status ReadAt(std::span<std::byte> out, uint64_t offset) const;
  // Gives `size_bytes` from `offset` to `use` in pieces that fit into `buffer`, first to last;
  // stops at the first error of reading or of `use`.
  Status ReadInPieces(uint64_t offset, uint64_t size_bytes, std::span<std::byte> buffer,
                      const std::function<Status(std::span<const std::byte>)>& use) const;
  Status WriteAt(std::span<const std::byte> bytes, uint64_t offset) const;
  Status Append(std::string_view text) const;
  // Reserves the disk space now, so that a full disk is found before the work. A file system
  // that cannot reserve is not an error. Errors: kExhausted, kIo.
  Status Reserve(uint64_t size_bytes) const;
  // Starts writing this range back to the disk without waiting for it.
  void StartWriteback(uint64_t offset, uint64_t size_bytes) const;
  // Tells the system that this range will be read soon.
  void WillRead(uint64_t offset, uint64_t size_bytes) const;
  // The system need not keep this range in memory.
  void Forget(uint64_t offset, uint64_t size_bytes) const;
  // Returns when the content is on the disk.
  Status Sync() const;

 private:
  friend class MappedFile;
  File(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  Error Failure(const char* action) const;

  int fd_ = -1;
  std::string path_;
};

// The whole file. Errors: kExhausted when it is larger than `limit_bytes`.
Result<std::string> ReadTextFile(const std::string& path, uint64_t limit_bytes);
// Writes `text` aside, syncs, and renames: the file is there whole or not at all.
Status WriteFileAtomically(const std::string& path, std::string_view text);
// The same with the content of another file.
Status CopyFileAtomically(const std::string& from, const std::string& to);
// XXH3 of the content (base/hash.h).
Result<std::string> HashOfFile(const std::string& path);
// The name under which WriteFileAtomically and other writers keep a file that is not complete.
std::string PartialPath(const std::string& path);

// Whether a file can be written there, before long work whose result it will take: its folder
// exists and it is no folder itself. Errors: kNotFound, kInvalid.
Status CheckCanWrite(const std::string& path);
Status RenameFile(const std::string& from, const std::string& to);
// Not an error when the file does not exist.
Status RemoveFile(const std::string& path);
// With everything in it. Not an error when it does not exist.
Status RemoveFolder(const std::string& path);
// Makes renames and removals in this folder durable.
Status SyncFolder(const std::string& path);
// Creates the folder and its parents. Not an error when it exists.
Status CreateFolder(const std::string& path);
bool FolderExists(const std::string& path);
// The path itself, or the nearest folder above it that exists: for asking about its disk.
std::string NearestFolder(const std::string& path);
bool FileExists(const std::string& path);  // a regular file, symbolic links followed
// Names in the folder, sorted, without "." and "..".
Result<std::vector<std::string>> ListFolder(const std::string& path);
// Space that a program without privileges may still use on the disk that holds `path`.
Result<uint64_t> FreeDiskBytes(const std::string& path);

std::string JoinPath(const std::string& folder, const std::string& name);
// The last component of the path; "." stays ".".
std::string BaseName(const std::string& path);

}  // namespace glimmer::base
