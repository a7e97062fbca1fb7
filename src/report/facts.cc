#include "report/facts.h"

#include <filesystem>

#include "base/file.h"
#include "base/hash.h"

namespace glimmer::report {

base::Result<std::vector<SourceFile>> DescribeSource(const io::Checkpoint& source) {
  std::vector<SourceFile> files;
  for (const io::Shard& shard : source.shards()) {
    GLIMMER_ASSIGN(const std::string header, io::ReadSafetensorsHeaderText(shard.file));
    files.push_back({shard.name, shard.file_bytes, base::HashOf(header)});
  }
  return files;
}

std::string FolderName(const std::string& path) {
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(path, error).lexically_normal();
  if (error) return base::BaseName(path);
  if (!absolute.has_filename()) absolute = absolute.parent_path();
  return absolute.filename().string();
}

}  // namespace glimmer::report
