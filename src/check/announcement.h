// What a checkpoint says about its own quantization, in its two places: `quantization_config` of
// config.json (the flat form) and hf_quant_config.json (the nested form). Read leniently, because
// engines differ in what they make of a missing or odd field, and each of them judges later.
// Source: docs/formats.md#modelopt-configuration.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace glimmer::check {

enum class ListState { kAbsent, kNull, kList, kOther };

struct Announcement {
  bool present = false;
  bool nested = false;  // facts stand under `quantization`
  std::string method;   // quant_method
  std::string algorithm;
  std::string producer;
  std::optional<int64_t> group_size;  // on the top level of its form
  std::vector<int64_t> group_sizes;   // every one that the form mentions
  std::string kv_cache;               // "FP8", "NVFP4", "" for none, "other"
  bool kv_cache_dynamic = false;
  bool has_kv_cache_key = false;
  ListState list_state = ListState::kAbsent;
  std::vector<std::string> excluded;
  bool has_groups = false;
  bool groups_without_inputs = false;  // every config group lacks input_activations
  bool has_layers = false;
  std::map<std::string, std::string> layers;  // quantized_layers: module -> algorithm

  // In any letter case, as vLLM reads it; the other engines refuse all but upper case.
  bool mixed() const { return UpperAlgorithm() == "MIXED_PRECISION"; }
  bool weights_only() const { return UpperAlgorithm() == "W4A16_NVFP4"; }
  std::string UpperAlgorithm() const;
};

struct Announcements {
  Announcement config;  // of config.json
  Announcement hf;      // of hf_quant_config.json
  std::string config_name = "config.json";
  std::string hf_name = "hf_quant_config.json";

  // Both files are there and say different things of what is quantized.
  bool differ() const;
  bool any() const { return config.present || hf.present; }
  // What vLLM and SGLang go by.
  const Announcement& config_first() const { return config.present ? config : hf; }
  // What TensorRT-LLM goes by.
  const Announcement& hf_first() const { return hf.present ? hf : config; }
};

Announcement ReadConfigAnnouncement(const base::JsonObject& config_json);
Announcement ReadHfAnnouncement(const base::JsonObject& hf_json);

}  // namespace glimmer::check
