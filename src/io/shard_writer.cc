#include "io/shard_writer.h"

namespace glimmer::io {

using base::Result;
using base::Status;

Result<ShardWriter> ShardWriter::Create(const std::string& folder, const std::string& name,
                                        std::string_view first_bytes, uint64_t file_bytes) {
  const std::string path = base::JoinPath(folder, name);
  GLIMMER_ASSIGN(base::File file, base::File::Create(base::PartialPath(path)));
  GLIMMER_TRY(file.Reserve(file_bytes));
  GLIMMER_TRY(file.WriteAt(std::as_bytes(std::span(first_bytes)), 0));
  return ShardWriter(std::move(file), folder, name);
}

Result<ShardWriter> ShardWriter::Reopen(const std::string& folder, const std::string& name) {
  const std::string path = base::PartialPath(base::JoinPath(folder, name));
  GLIMMER_ASSIGN(base::File file, base::File::OpenForUpdating(path));
  return ShardWriter(std::move(file), folder, name);
}

Status ShardWriter::WriteAt(std::span<const std::byte> bytes, uint64_t offset) const {
  GLIMMER_TRY(file_.WriteAt(bytes, offset));
  file_.StartWriteback(offset, bytes.size());
  return {};
}

Status ShardWriter::Publish() const {
  const std::string path = base::JoinPath(folder_, name_);
  GLIMMER_TRY(base::RenameFile(base::PartialPath(path), path));
  return base::SyncFolder(folder_);
}

}  // namespace glimmer::io
