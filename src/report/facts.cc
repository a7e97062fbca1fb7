#include "report/facts.h"

#include <filesystem>
#include <set>
#include <string_view>
#include <unordered_map>

#include "base/file.h"
#include "base/hash.h"
#include "base/sha256.h"
#include "model/config.h"

namespace glimmer::report {

namespace {

using base::Result;
using HashOfTensor = std::unordered_map<std::string_view, std::string_view>;

std::string DigestOf(const io::Shard& shard, const std::string& header,
                     const HashOfTensor& tensors) {
  const uint64_t header_bytes = header.size();
  base::Hasher hasher;
  hasher.Add(std::as_bytes(std::span(&header_bytes, 1)));
  hasher.Add(header);
  for (const io::TensorInfo& info : shard.tensors) {
    const auto tensor = tensors.find(info.name);
    if (tensor == tensors.end() || tensor->second.empty()) return "";
    hasher.Add(tensor->second);
  }
  return hasher.Hex();
}

Result<SourceFile> DescribeSmall(const std::string& path) {
  GLIMMER_ASSIGN(const base::File file, base::File::OpenForReading(path));
  GLIMMER_ASSIGN(const uint64_t bytes, file.SizeBytes());
  const base::CancelFlag never;
  GLIMMER_ASSIGN(std::string sha256, base::Sha256OfFile(path, never));
  return SourceFile{.name = base::BaseName(path), .bytes = bytes, .sha256 = std::move(sha256)};
}

}  // namespace

Result<std::vector<SourceFile>> DescribeSource(const io::Checkpoint& source,
                                               const std::string& folder, const quant::Plan& plan,
                                               const quant::Companions& companions,
                                               const quant::Written& written) {
  HashOfTensor tensors;
  for (size_t i = 0; i < plan.specs.size(); ++i) {
    tensors[plan.specs[i].name] = written.source_hashes[i];
  }
  std::vector<SourceFile> files;
  for (const io::Shard& shard : source.shards()) {
    GLIMMER_ASSIGN(const std::string header, io::ReadSafetensorsHeaderText(shard.file));
    files.push_back({.name = shard.name,
                     .bytes = shard.file_bytes,
                     .header_hash = base::HashOf(header),
                     .digest = DigestOf(shard, header, tensors)});
  }
  std::set<std::string> paths;
  for (const char* name : {model::kConfigName, io::kIndexName, "tokenizer.json"}) {
    const std::string path = base::JoinPath(folder, name);
    if (base::FileExists(path)) paths.insert(path);
  }
  for (const auto& [name, path] : companions.copies) paths.insert(path);
  for (const std::string& path : paths) {
    GLIMMER_ASSIGN(SourceFile file, DescribeSmall(path));
    files.push_back(std::move(file));
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
