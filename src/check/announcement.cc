#include "check/announcement.h"

#include <algorithm>

#include "base/text.h"

namespace glimmer::check {
namespace {

using base::JsonObject;
using base::JsonValue;

std::string Text(const JsonObject& object, std::string_view key) {
  const JsonValue* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

std::optional<int64_t> Number(const JsonObject& object, std::string_view key) {
  const JsonValue* value = object.if_contains(key);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

const JsonObject* Object(const JsonObject& object, std::string_view key) {
  const JsonValue* value = object.if_contains(key);
  return value != nullptr && value->is_object() ? &value->get_object() : nullptr;
}

void ReadList(const JsonObject& object, std::initializer_list<const char*> keys, Announcement& a) {
  const auto key = std::find_if(keys.begin(), keys.end(),
                                [&](const char* name) { return object.contains(name); });
  if (key == keys.end()) return;
  const JsonValue& value = object.at(*key);
  a.list_state = value.is_null()    ? ListState::kNull
                 : value.is_array() ? ListState::kList
                                    : ListState::kOther;
  if (!value.is_array()) return;
  for (const JsonValue& entry : value.get_array()) {
    if (entry.is_string()) a.excluded.emplace_back(entry.get_string());
  }
}

void ReadGroups(const JsonObject& object, Announcement& a) {
  const JsonObject* groups = Object(object, "config_groups");
  if (groups == nullptr || groups->empty()) return;
  a.has_groups = a.groups_without_inputs = true;
  for (const auto& member : *groups) {
    if (!member.value().is_object()) continue;
    const JsonObject& group = member.value().get_object();
    if (Object(group, "input_activations") != nullptr) a.groups_without_inputs = false;
    if (const auto size = Number(group, "group_size")) a.group_sizes.push_back(*size);
    for (const char* part : {"weights", "input_activations"}) {
      const JsonObject* inner = Object(group, part);
      if (inner == nullptr) continue;
      if (const auto size = Number(*inner, "group_size")) a.group_sizes.push_back(*size);
    }
  }
}

void ReadLayers(const JsonObject& object, Announcement& a) {
  const JsonObject* layers = Object(object, "quantized_layers");
  if (layers == nullptr) return;
  a.has_layers = true;
  for (const auto& member : *layers) {
    if (!member.value().is_object()) continue;
    a.layers[std::string(member.key())] = Text(member.value().get_object(), "quant_algo");
  }
}

void ReadFlatCache(const JsonObject& object, Announcement& a) {
  const JsonObject* scheme = Object(object, "kv_cache_scheme");
  a.has_kv_cache_key = object.contains("kv_cache_scheme") || object.contains("kv_cache_quant_algo");
  if (scheme == nullptr) {
    a.kv_cache = Text(object, "kv_cache_quant_algo");
    return;
  }
  const bool is_float = Text(*scheme, "type") == "float";
  const auto bits = Number(*scheme, "num_bits");
  a.kv_cache = is_float && bits == 8 ? "FP8" : is_float && bits == 4 ? "NVFP4" : "other";
  const JsonValue* dynamic = scheme->if_contains("dynamic");
  a.kv_cache_dynamic = dynamic != nullptr && dynamic->is_bool() && dynamic->get_bool();
}

void ReadFacts(const JsonObject& object, Announcement& a) {
  a.algorithm = Text(object, "quant_algo");
  a.group_size = Number(object, "group_size");
  if (a.group_size) a.group_sizes.push_back(*a.group_size);
  ReadGroups(object, a);
  ReadLayers(object, a);
}

void ReadNested(const JsonObject& outer, const JsonObject& inner, Announcement& a) {
  a.nested = true;
  ReadFacts(inner, a);
  ReadGroups(outer, a);
  ReadList(inner, {"exclude_modules"}, a);
  a.has_kv_cache_key = inner.contains("kv_cache_quant_algo");
  a.kv_cache = Text(inner, "kv_cache_quant_algo");
}

Announcement Read(const JsonObject& object) {
  Announcement a;
  a.present = true;
  a.method = Text(object, "quant_method");
  if (const JsonObject* producer = Object(object, "producer")) a.producer = Text(*producer, "name");
  if (const JsonObject* inner = Object(object, "quantization")) {
    ReadNested(object, *inner, a);
    return a;
  }
  ReadFacts(object, a);
  ReadList(object, {"ignore", "modules_to_not_convert", "exclude_modules"}, a);
  ReadFlatCache(object, a);
  return a;
}

}  // namespace

std::string Announcement::UpperAlgorithm() const { return base::UpperCase(algorithm); }

bool Announcements::differ() const {
  return config.present && hf.present &&
         (config.algorithm != hf.algorithm || config.excluded != hf.excluded);
}

Announcement ReadConfigAnnouncement(const JsonObject& config_json) {
  const JsonObject* quantization = Object(config_json, "quantization_config");
  return quantization == nullptr ? Announcement() : Read(*quantization);
}

Announcement ReadHfAnnouncement(const JsonObject& hf_json) { return Read(hf_json); }

}  // namespace glimmer::check
