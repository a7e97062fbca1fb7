#include "apps/model_input.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "model/match.h"

namespace glimmer::apps {
namespace {

using base::Quoted;
using base::Result;
using base::Status;

Status ReadConfig(const std::string& path, ModelInput& input) {
  GLIMMER_ASSIGN(input.config_text, base::ReadTextFile(path, model::kMaxConfigBytes));
  GLIMMER_ASSIGN(const base::JsonValue json, base::ParseJson(input.config_text, Quoted(path)));
  if (!json.is_object()) return base::Corrupt(Quoted(path) + ": expected a JSON object");
  GLIMMER_ASSIGN(input.config, model::ParseConfig(json.get_object(), Quoted(path)));
  GLIMMER_ASSIGN(const model::WeightFormat format,
                 model::AnnouncedFormat(json.get_object(), Quoted(path)));
  if (format != model::WeightFormat::kBf16) {
    return base::Unsupported(Quoted(path) +
                             ": quantization_config: the weights are already quantized to NVFP4; "
                             "expected BF16");
  }
  return {};
}

// The index is there but a shard that it names is not: small files were fetched to plan with.
bool IndexWithoutShards(const std::string& folder) {
  const auto weight_map = io::ReadWeightMap(base::JoinPath(folder, io::kIndexName));
  if (!weight_map.ok()) return false;
  return std::none_of(weight_map.value().begin(), weight_map.value().end(), [&](const auto& entry) {
    return base::FileExists(base::JoinPath(folder, entry.second));
  });
}

Status MatchIndex(ModelInput& input) {
  const std::string path = base::JoinPath(input.folder, io::kIndexName);
  GLIMMER_ASSIGN(const io::WeightMap weight_map, io::ReadWeightMap(path));
  std::vector<std::string> names;
  for (const auto& [tensor, file] : weight_map) names.push_back(tensor);
  input.confirmed_by = "index";
  return model::MatchNames(input.config, names, Quoted(path));
}

}  // namespace

Result<ModelInput> OpenModel(const std::string& path, Weights weights) {
  ModelInput input;
  const bool is_folder = base::FolderExists(path);
  if (!is_folder && !base::FileExists(path)) {
    return base::NotFound(Quoted(path) + ": no such folder or config file");
  }
  if (!is_folder && weights == Weights::kRequired) {
    return base::Invalid(Quoted(path) + ": is a file, expected a model folder");
  }
  if (is_folder) input.folder = path;
  GLIMMER_TRY(ReadConfig(is_folder ? base::JoinPath(path, model::kConfigName) : path, input));

  const bool has_weights = is_folder && io::Checkpoint::HasWeights(path);
  if (weights == Weights::kRequired || (has_weights && !IndexWithoutShards(path))) {
    GLIMMER_ASSIGN(input.weights, io::Checkpoint::Open(path));
    GLIMMER_ASSIGN(input.specs, model::MatchBf16(input.config, *input.weights));
    input.confirmed_by = "headers";
    return input;
  }
  input.specs = model::ListTensors(input.config);
  input.confirmed_by = "config.json";
  if (has_weights) GLIMMER_TRY(MatchIndex(input));
  return input;
}

}  // namespace glimmer::apps
