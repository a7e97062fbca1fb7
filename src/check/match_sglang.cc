// SGLang 0.5.23: ModelOptQuantConfig.is_layer_excluded, utils.is_layer_skipped, and
// ModelOptMixedPrecisionConfig._resolve_quant_algo, for DeepseekV2ForCausalLM's family.
#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "base/text.h"
#include "check/matcher.h"
#include "text/regex.h"

namespace glimmer::check {
namespace {

constexpr std::array<std::array<std::string_view, 3>, 2> kJoined = {{
    {"gate_up_proj", "gate_proj", "up_proj"},
    {"fused_qkv_a_proj_with_mqa", "q_a_proj", "kv_a_proj_with_mqa"},
}};
constexpr std::array<std::string_view, 4> kFusedWords = {"q_a_proj", "q_b_proj",
                                                         "kv_a_proj_with_mqa", "kv_b_proj"};

const std::array<std::string_view, 3>* JoinedOf(std::string_view name) {
  for (const auto& joined : kJoined) {
    if (joined[0] == LastPart(name)) return &joined;
  }
  return nullptr;
}

// S10: equal, a dotted prefix, or a dotted middle part.
bool MatchesPath(std::string_view entry, std::string_view name) {
  while (entry.ends_with('.')) entry.remove_suffix(1);
  return ("." + std::string(name) + ".").find("." + std::string(entry) + ".") != std::string::npos;
}

const std::string* FindPath(const std::vector<std::string>& list, std::string_view name) {
  const auto found = std::find_if(
      list.begin(), list.end(), [&](const std::string& entry) { return MatchesPath(entry, name); });
  return found == list.end() ? nullptr : &*found;
}

Match MatchSkipped(const std::vector<std::string>& list, const std::string& name) {
  if (const auto* joined = JoinedOf(name)) {
    const std::string* first = FindPath(list, WithLastPart(name, (*joined)[1]));
    const std::string* second = FindPath(list, WithLastPart(name, (*joined)[2]));
    if ((first == nullptr) != (second == nullptr)) {
      return {Treatment::kContradiction, "S12", first != nullptr ? *first : *second};
    }
    return first == nullptr ? Match() : Match{Treatment::kExcluded, "S10", *first};
  }
  if (const std::string* entry = FindPath(list, name)) return {Treatment::kExcluded, "S10", *entry};
  if (name.find("experts") == std::string::npos) return {};
  for (const std::string& entry : list) {  // the name inside an entry
    if (entry.find("experts") != std::string::npos && entry.find(name) != std::string::npos) {
      return {Treatment::kExcluded, "S10", entry};
    }
  }
  return {};
}

// S05. Of joined linears the model's table holds only {q_a, kv_a}.
Match Resolve(const Announcement& announced, const std::string& name) {
  const auto& layers = announced.layers;
  if (layers.contains(name)) return {Treatment::kQuantized, "S05", name};
  if (const auto* joined = JoinedOf(name); joined != nullptr && LastPart(name) != "gate_up_proj") {
    std::set<std::string> algorithms;
    for (size_t shard = 1; shard < joined->size(); ++shard) {
      const auto found = layers.find(WithLastPart(name, (*joined)[shard]));
      if (found != layers.end()) algorithms.insert(found->second);
    }
    if (algorithms.size() > 1) return {Treatment::kContradiction, "S05", name};
    if (algorithms.size() == 1) return {Treatment::kQuantized, "S05", name};
  }
  const auto found = layers.lower_bound(name + ".");
  const bool below = found != layers.end() && found->first.starts_with(name + ".");
  return {below ? Treatment::kQuantized : Treatment::kExcluded, "S05", ""};
}

}  // namespace

// An entry as SGLang compiles it: `.` literal, `*` any run; every other character keeps its meaning
// in a regular expression, which only entries that were never meant so have.
struct SglangList::Pattern {
  explicit Pattern(const std::string& entry) : glob(entry) {
    if (entry.find_first_of("?[](){}+|^$\\") == std::string::npos) return;
    std::string expression;
    for (const char c : entry) {
      if (c == '.') {
        expression += "\\.";
      } else if (c == '*') {
        expression += ".*";
      } else {
        expression += c;
      }
    }
    auto compiled = text::Regex::Compile("^(?:" + expression + ")$", text::RegexDialect::kRust);
    is_bad = !compiled.ok();
    if (compiled.ok()) regex.emplace(std::move(compiled).value());
  }

  bool Matches(std::string_view name) const {
    if (!regex) return base::GlobMatches(glob, name);
    text::Regex::Search search(*regex, name);
    const auto found = search.Next();
    return found.ok() && found.value().has_value();
  }

  bool MatchesAnyPart(std::string_view name) const {
    for (size_t begin = 0; begin <= name.size();) {
      const size_t end = std::min(name.find('.', begin), name.size());
      if (Matches(name.substr(begin, end - begin))) return true;
      begin = end + 1;
    }
    return false;
  }

  std::string glob;
  bool is_bad = false;
  std::optional<text::Regex> regex;
};

SglangList::SglangList(const std::vector<std::string>& list) : list_(list) {
  patterns_.reserve(list.size());
  for (const std::string& entry : list) patterns_.emplace_back(entry);
}

SglangList::~SglangList() = default;

// S11 and S13.
Match SglangList::FindPattern(const std::string& name) const {
  for (const Pattern& pattern : patterns_) {
    const std::string& entry = pattern.glob;
    if (pattern.is_bad) return {Treatment::kBadPattern, "S11", entry};
    if (pattern.Matches(name) || pattern.MatchesAnyPart(name)) {
      return {Treatment::kExcluded, "S11", entry};
    }
    const std::string_view tail = LastPart(entry);
    const bool fused = std::find(kFusedWords.begin(), kFusedWords.end(), tail) != kFusedWords.end();
    if (fused && LastPart(name).find(tail) != std::string_view::npos) {
      return {Treatment::kExcluded, "S13", entry};
    }
  }
  return {};
}

Match SglangList::Find(const EngineModule& module) const {
  if (!module.experts) {  // S14: the block of experts is matched by patterns only
    Match match = MatchSkipped(list_, module.name);
    if (match.treatment != Treatment::kQuantized) return match;
  }
  return FindPattern(module.name);
}

Match SglangList::Find(const Announcement& announced, const EngineModule& module) const {
  Match match = Find(module);
  if (match.treatment != Treatment::kQuantized || !announced.mixed()) return match;
  return Resolve(announced, module.name);
}

}  // namespace glimmer::check
