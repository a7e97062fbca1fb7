#include "io/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/check.h"
#include "base/json.h"
#include "base/text.h"

namespace glimmer::io {
namespace {

using base::Corrupt;
using base::NotFound;
using base::Quoted;
using base::Result;
using base::Status;

bool IsPlainWeightsName(const std::string& name) {
  return name.find_first_of("/\\") == std::string::npos && !name.starts_with('.') &&
         name.ends_with(kWeightsEnding);
}

Result<std::vector<std::string>> WeightFilesIn(const std::string& folder) {
  GLIMMER_ASSIGN(std::vector<std::string> names, base::ListFolder(folder));
  std::erase_if(names, [](const std::string& name) { return !IsPlainWeightsName(name); });
  return names;
}

}  // namespace

Result<WeightMap> ReadWeightMap(const std::string& path) {
  GLIMMER_ASSIGN(const base::JsonObject index, base::ReadJsonObject(path, kMaxIndexBytes));
  const base::JsonValue* map = index.if_contains("weight_map");
  if (map == nullptr || !map->is_object()) {
    return Corrupt(Quoted(path) + ": weight_map: expected an object from tensor to file, found " +
                   (map == nullptr ? "nothing" : base::Shown(*map)));
  }
  WeightMap weight_map;
  for (const auto& member : map->get_object()) {
    if (!member.value().is_string()) {
      return Corrupt(fmt::format("{}: weight_map: {}: expected a file name, found {}", Quoted(path),
                                 Quoted(member.key()), base::Shown(member.value())));
    }
    const std::string file(member.value().get_string());
    if (!IsPlainWeightsName(file)) {
      return base::Invalid(
          fmt::format("{}: weight_map: {}: expected the name of a .safetensors "
                      "file in the same folder, found {}",
                      Quoted(path), Quoted(member.key()), Quoted(file)));
    }
    weight_map.emplace(member.key(), file);
  }
  if (weight_map.empty()) return Corrupt(Quoted(path) + ": weight_map: names no tensor");
  return weight_map;
}

bool Checkpoint::HasWeights(const std::string& folder) {
  if (base::FileExists(base::JoinPath(folder, kIndexName))) return true;
  const auto names = WeightFilesIn(folder);
  return names.ok() && !names.value().empty();
}

Result<Checkpoint> Checkpoint::Open(const std::string& folder) {
  if (!base::FolderExists(folder)) return NotFound(Quoted(folder) + ": no such folder");
  Checkpoint checkpoint;
  checkpoint.folder_ = folder;
  GLIMMER_ASSIGN(const std::vector<std::string> present, WeightFilesIn(folder));

  const std::string index_path = base::JoinPath(folder, kIndexName);
  checkpoint.has_index_ = base::FileExists(index_path);
  WeightMap weight_map;
  std::set<std::string> wanted;
  if (checkpoint.has_index_) {
    GLIMMER_ASSIGN(weight_map, ReadWeightMap(index_path));
    for (const auto& [tensor, file] : weight_map) wanted.insert(file);
  } else if (std::find(present.begin(), present.end(), kSingleShardName) != present.end()) {
    wanted.insert(kSingleShardName);
  } else if (present.size() == 1) {
    wanted.insert(present[0]);
  } else if (present.empty()) {
    return NotFound(fmt::format("{}: holds no weights: expected {} or {}", Quoted(folder),
                                kIndexName, kSingleShardName));
  } else {
    return NotFound(
        fmt::format("{}: {} files of weights but no {}, which says which of them belong "
                    "together",
                    Quoted(folder), present.size(), kIndexName));
  }
  checkpoint.shards_.reserve(wanted.size());
  for (const std::string& name : wanted) GLIMMER_TRY(checkpoint.OpenShard(name));
  for (const std::string& name : present) {
    if (!wanted.contains(name)) checkpoint.stray_files_.push_back(name);
  }
  GLIMMER_TRY(checkpoint.IndexTensors());
  if (checkpoint.has_index_) GLIMMER_TRY(checkpoint.CompareWithIndex(weight_map));
  return checkpoint;
}

Status Checkpoint::OpenShard(const std::string& name) {
  const std::string path = base::JoinPath(folder_, name);
  if (has_index_ && !base::FileExists(path)) {
    return NotFound(fmt::format("{}: names {}, which does not exist in the folder",
                                Quoted(base::JoinPath(folder_, kIndexName)), Quoted(name)));
  }
  GLIMMER_ASSIGN(base::File file, base::File::OpenForReading(path));
  GLIMMER_ASSIGN(const uint64_t file_bytes, file.SizeBytes());
  GLIMMER_ASSIGN(SafetensorsHeader header, ReadSafetensorsHeader(file));
  shards_.push_back({name, std::move(file), file_bytes, std::move(header.tensors)});
  return {};
}

Status Checkpoint::IndexTensors() {
  for (const Shard& shard : shards_) {
    for (const TensorInfo& info : shard.tensors) {
      const auto [other, is_new] = by_name_.try_emplace(info.name, TensorRef{&shard, &info});
      if (!is_new) {
        return Corrupt(fmt::format("{}: tensor {} is in {} and in {}", Quoted(folder_),
                                   Quoted(info.name), Quoted(other->second.shard->name),
                                   Quoted(shard.name)));
      }
    }
  }
  return {};
}

Status Checkpoint::CompareWithIndex(const WeightMap& weight_map) {
  const std::string index = Quoted(base::JoinPath(folder_, kIndexName));
  for (const auto& [tensor, file] : weight_map) {
    const TensorRef ref = Find(tensor);
    if (ref.info == nullptr || ref.shard->name != file) {
      return Corrupt(fmt::format("{}: says that {} holds tensor {}, but it does not", index,
                                 Quoted(file), Quoted(tensor)));
    }
  }
  for (const auto& [tensor, ref] : by_name_) {
    if (!weight_map.contains(std::string(tensor))) {
      return Corrupt(fmt::format("{}: does not name tensor {}, which {} holds", index,
                                 Quoted(tensor), Quoted(ref.shard->name)));
    }
  }
  return {};
}

TensorRef Checkpoint::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? TensorRef{nullptr, nullptr} : found->second;
}

Status Checkpoint::Read(const TensorRef& tensor, uint64_t offset, std::span<std::byte> out) {
  GLIMMER_CHECK(offset <= tensor.info->size_bytes &&
                out.size() <= tensor.info->size_bytes - offset);
  return tensor.shard->file.ReadAt(out, tensor.info->offset + offset);
}

std::string IndexText(uint64_t total_parameters, uint64_t total_size_bytes,
                      std::vector<std::pair<std::string, std::string>> tensor_and_file) {
  std::sort(tensor_and_file.begin(), tensor_and_file.end());
  base::JsonObject weight_map;
  for (const auto& [tensor, file] : tensor_and_file) weight_map.emplace(tensor, file);
  const base::JsonObject index = {
      {"metadata", {{"total_parameters", total_parameters}, {"total_size", total_size_bytes}}},
      {"weight_map", std::move(weight_map)}};
  return base::DumpJson(index, 2) + "\n";
}

}  // namespace glimmer::io
