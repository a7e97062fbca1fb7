// vLLM 0.33.0: ModelOptQuantConfigBase.is_layer_excluded, quant_utils.is_layer_skipped, and
// ModelOptMixedPrecisionConfig._resolve_quant_algo, for the classes of DeepSeek V3.2's family.
#include <algorithm>
#include <array>
#include <set>

#include "check/fnmatch.h"
#include "check/matcher.h"

namespace glimmer::check {
namespace {

constexpr std::array<std::array<std::string_view, 3>, 2> kJoined = {{
    {"gate_up_proj", "gate_proj", "up_proj"},
    {"fused_qkv_a_proj", "q_a_proj", "kv_a_proj_with_mqa"},
}};

const std::array<std::string_view, 3>* JoinedOf(std::string_view name) {
  for (const auto& joined : kJoined) {
    if (joined[0] == LastPart(name)) return &joined;
  }
  return nullptr;
}

bool Lists(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// V11: exact names; of a joined linear its own name, or else all shards or none.
Match MatchExactly(const std::vector<std::string>& list, const std::string& name) {
  const auto* joined = JoinedOf(name);
  if (Lists(list, name)) {
    // The rule for experts below also finds an exact name, so the outcome is the same.
    return {Treatment::kExcluded, "V11", name};
  }
  if (joined != nullptr) {
    const std::string first = WithLastPart(name, (*joined)[1]);
    const std::string second = WithLastPart(name, (*joined)[2]);
    const bool has_first = Lists(list, first), has_second = Lists(list, second);
    if (has_first != has_second) {
      return {Treatment::kContradiction, "V11", has_first ? first : second};
    }
    if (has_first) return {Treatment::kExcluded, "V11", first};
    return {};
  }
  if (name.find("experts") == std::string::npos) return {};
  for (const std::string& entry : list) {  // V13: the name inside an entry
    if (entry.find("experts") != std::string::npos && entry.find(name) != std::string::npos) {
      return {Treatment::kExcluded, "V13", entry};
    }
  }
  return {};
}

struct Resolved {
  bool found = false;
  bool contradiction = false;
  std::string key;
};

// V09: the algorithm of a module in quantized_layers.
Resolved Resolve(const std::map<std::string, std::string>& layers, const std::string& name) {
  if (layers.contains(name)) return {true, false, name};
  if (const auto* joined = JoinedOf(name)) {
    std::set<std::string> algorithms;
    std::string key;
    for (size_t shard = 1; shard < joined->size(); ++shard) {
      const auto found = layers.find(WithLastPart(name, (*joined)[shard]));
      if (found == layers.end()) continue;
      algorithms.insert(found->second);
      key = found->first;
    }
    if (!algorithms.empty()) return {algorithms.size() == 1, algorithms.size() > 1, key};
  }
  const auto below = [&](const std::string& prefix) {
    const auto found = layers.lower_bound(prefix);
    return found != layers.end() && found->first.starts_with(prefix) ? found->first : "";
  };
  if (const std::string key = below(name + "."); !key.empty()) return {true, false, key};
  constexpr std::string_view kBlock = ".experts";
  if (name.ends_with(kBlock)) {
    const std::string parent = name.substr(0, name.size() - kBlock.size()) + ".";
    if (const std::string key = below(parent); !key.empty()) return {true, false, key};
  }
  return {};
}

}  // namespace

std::string_view LastPart(std::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

std::string WithLastPart(std::string_view name, std::string_view last) {
  return std::string(name.substr(0, name.size() - LastPart(name).size())) + std::string(last);
}

Match MatchVllm(const std::vector<std::string>& list, const EngineModule& module) {
  if (list.empty()) return {};
  Match match = MatchExactly(list, module.name);
  if (match.treatment != Treatment::kQuantized) return match;
  for (const std::string& entry : list) {
    if (module.name.find(entry) != std::string::npos) return {Treatment::kExcluded, "V14", entry};
  }
  for (const std::string& entry : list) {
    if (Fnmatch(module.name, entry)) return {Treatment::kExcluded, "V15", entry};
  }
  return {};
}

Match MatchVllm(const Announcement& announced, const EngineModule& module) {
  Match match = MatchVllm(announced.excluded, module);
  if (match.treatment != Treatment::kQuantized || !announced.mixed()) return match;
  const Resolved resolved = Resolve(announced.layers, module.name);
  if (resolved.contradiction) return {Treatment::kContradiction, "V09", resolved.key};
  return {resolved.found ? Treatment::kQuantized : Treatment::kExcluded, "V09", resolved.key};
}

}  // namespace glimmer::check
