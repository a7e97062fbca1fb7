#include "check/opened.h"

#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "quant/export_modelopt.h"

namespace glimmer::check {
namespace {

using base::Quoted;
using base::Result;
using model::kConfigName;

std::string Architecture(const base::JsonObject& json) {
  if (const auto* list = json.if_contains("architectures"); list != nullptr && list->is_array()) {
    for (const base::JsonValue& entry : list->get_array()) {
      if (entry.is_string()) return std::string(entry.get_string());
    }
  }
  const auto* type = json.if_contains("model_type");
  return type != nullptr && type->is_string() ? std::string(type->get_string()) : "";
}

void ReadHf(const std::string& path, Opened& opened) {
  if (!base::FileExists(path)) return;
  const auto json = base::ReadJsonObject(path, model::kMaxConfigBytes, base::NonFinite::kAccepted);
  if (!json.ok()) {
    opened.hf_error = json.error();
    return;
  }
  opened.announced.hf = ReadHfAnnouncement(json.value());
}

// Quantized by something else than modelopt: FP8 releases, compressed-tensors.
std::optional<base::Error> OtherMethod(const std::string& where, const Opened& opened) {
  const std::string& method = opened.announced.config.method;
  if (method.empty() || method.starts_with("modelopt")) return std::nullopt;
  const auto format = model::AnnouncedFormat(opened.model.config_json, where);
  if (format.ok()) return std::nullopt;
  return format.error();
}

void ReadModel(const std::string& where, Opened& opened) {
  opened.config_error = OtherMethod(where, opened);
  if (opened.config_error) return;
  auto config = model::ParseConfig(opened.model.config_json, where);
  if (!config.ok()) {
    opened.config_error = std::move(config).error();
    return;
  }
  opened.model.config = std::move(config).value();
  opened.model.specs = model::ListTensors(opened.model.config);
  const auto format = model::AnnouncedFormat(opened.model.config_json, where);
  opened.model.format = format.ok() ? format.value() : model::WeightFormat::kBf16;
}

}  // namespace

Result<Opened> Open(const std::string& path) {
  Opened opened;
  std::string config_path = base::JoinPath(path, kConfigName);
  opened.folder = path;
  if (base::FileExists(path)) {
    if (path.ends_with(quant::kHfQuantConfigName)) {
      return base::Invalid(Quoted(path) + ": is read beside a model's config.json: name that one");
    }
    if (!path.ends_with(kConfigName)) {
      return base::Invalid(Quoted(path) + ": is a file, expected a checkpoint folder");
    }
    opened.config_only = true;
    opened.folder = std::filesystem::path(path).parent_path().string();
    config_path = path;
    opened.announced.config_name = base::BaseName(path);
    opened.announced.hf_name =
        opened.announced.config_name.substr(
            0, opened.announced.config_name.size() - std::string_view(kConfigName).size()) +
        quant::kHfQuantConfigName;
  } else if (!base::FolderExists(path)) {
    return base::NotFound(Quoted(path) + ": no such folder");
  }
  if (opened.folder.empty()) opened.folder = ".";
  GLIMMER_ASSIGN(opened.model.config_json, base::ReadJsonObject(config_path, model::kMaxConfigBytes,
                                                                base::NonFinite::kAccepted));
  opened.architecture = Architecture(opened.model.config_json);
  opened.announced.config = ReadConfigAnnouncement(opened.model.config_json);
  ReadHf(base::JoinPath(opened.folder, opened.announced.hf_name), opened);
  ReadModel(Quoted(config_path), opened);
  if (opened.config_only || opened.config_error) return opened;
  auto weights = io::Checkpoint::Open(opened.folder);
  if (weights.ok()) {
    opened.model.weights = std::move(weights).value();
  } else {
    opened.weights_error = std::move(weights).error();
  }
  return opened;
}

}  // namespace glimmer::check
