// A Hugging Face checkpoint folder: config.json beside one model.safetensors, or beside the shards
// that model.safetensors.index.json names. Open() reads and validates every header, never tensor
// data, and keeps the files open; reading is by position, so that a damaged disk or a file cut
// short under our feet is an error and not a signal. Const use from several threads is safe.
// Source: docs/formats.md#checkpoint-folders.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "io/safetensors.h"

namespace glimmer::io {

inline constexpr char kIndexName[] = "model.safetensors.index.json";
inline constexpr char kSingleShardName[] = "model.safetensors";
inline constexpr char kWeightsEnding[] = ".safetensors";
constexpr uint64_t kMaxIndexBytes = 512'000'000;

struct Shard {
  std::string name;  // file name inside the folder
  base::File file;
  uint64_t file_bytes;
  std::vector<TensorInfo> tensors;  // by offset
};

// Tensor name -> file name, from an index file.
using WeightMap = std::unordered_map<std::string, std::string>;
base::Result<WeightMap> ReadWeightMap(const std::string& index_path);

struct TensorRef {
  const Shard* shard;
  const TensorInfo* info;
};

class Checkpoint {
 public:
  Checkpoint() = default;  // without any tensor
  // Symbolic links are followed, as the Hugging Face cache needs. Errors: kNotFound without any
  // weights or with a missing shard; kCorrupt when index and shards disagree or a file is
  // malformed; kInvalid when the index names a path instead of a file name.
  static base::Result<Checkpoint> Open(const std::string& folder);
  // Whether the folder holds weights at all (an index or any *.safetensors).
  static bool HasWeights(const std::string& folder);

  const std::string& folder() const { return folder_; }
  bool has_index() const { return has_index_; }
  const std::vector<Shard>& shards() const { return shards_; }  // by name
  size_t tensor_count() const { return by_name_.size(); }
  // *.safetensors in the folder that the index does not name, or that stand beside
  // model.safetensors without an index; they play no part.
  const std::vector<std::string>& stray_files() const { return stray_files_; }

  // nullptr shard and info when there is no such tensor.
  TensorRef Find(std::string_view name) const;
  // Fills `out` from byte `offset` of the tensor's data. REQUIRES: the range lies inside it.
  static base::Status Read(const TensorRef& tensor, uint64_t offset, std::span<std::byte> out);

 private:
  base::Status OpenShard(const std::string& name);
  base::Status IndexTensors();
  base::Status CompareWithIndex(const WeightMap& weight_map);

  std::string folder_;
  bool has_index_ = false;
  std::vector<Shard> shards_;
  std::vector<std::string> stray_files_;
  std::unordered_map<std::string_view, TensorRef> by_name_;
};

// The index file's text as the ecosystem writes it: {"metadata": {total_parameters, total_size},
// "weight_map": …}, two spaces of indentation, sorted names, a final line break.
std::string IndexText(uint64_t total_parameters, uint64_t total_size_bytes,
                      std::vector<std::pair<std::string, std::string>> tensor_and_file);

}  // namespace glimmer::io
