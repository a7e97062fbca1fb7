#include "check/judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace glimmer::check {

using base::Quoted;

void Judge::Fire(const RuleRef& rule, std::string subject, std::string found) {
  const auto row = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& candidate) {
    return std::string_view(candidate.id) == rule.id &&
           rule.severity.value_or(candidate.severity) == candidate.severity;
  });
  GLIMMER_CHECK(row != rules_.end());
  report_.findings.Add(*row, std::move(subject), std::move(found));
}

bool Judge::Is(size_t index, Kinds kinds) const {
  return std::find(kinds.begin(), kinds.end(), spec(index).kind) != kinds.end();
}

void Judge::FirePacked(const RuleRef& rule, Kinds kinds, bool mtp) {
  for (size_t i = 0; i < in_.scan->tensors.size(); ++i) {
    if (!in_.scan->tensors[i].packed || !Is(i, kinds) || (spec(i).mtp && !mtp)) continue;
    const std::string module(model::ModuleName(spec(i).name));
    Fire(rule, module, module + " is NVFP4");
  }
}

void Judge::FireProblems(const RuleRef& rule, Problem problem,
                         const std::function<bool(const TensorProblem&)>& accept) {
  for (const TensorProblem& found : in_.scan->problems) {
    if (found.problem != problem || (accept && !accept(found))) continue;
    Fire(rule, found.tensor, found.sentence);
  }
}

void Judge::FireUnequal(const RuleRef& rule, model::Part part, Kinds kinds) {
  for (const UnequalScale& unequal : in_.unequal) {
    if (unequal.part != part || !Is(unequal.first, kinds) || !Is(unequal.second, kinds)) continue;
    Fire(rule, model::PartName(spec(unequal.second).name, part), unequal.sentence);
  }
}

void Judge::FireDiffering(const RuleRef& rule) {
  const Announcements& announced = in_.opened.announced;
  if (!announced.differ()) return;
  Fire(rule, announced.hf_name,
       fmt::format("{} says something else than {}", announced.hf_name, announced.config_name));
}

void Judge::FireOddList(const RuleRef& rule, const Announcement& form) {
  if (form.list_state != ListState::kOther && form.list_state != ListState::kNull) return;
  Fire(rule, form.nested ? "exclude_modules" : "ignore",
       form.list_state == ListState::kNull ? "the list of unquantized modules is null"
                                           : "the list of unquantized modules is no list");
}

bool Judge::AnyPacked(const EngineModule& module) const {
  return std::any_of(module.specs.begin(), module.specs.end(),
                     [&](size_t i) { return in_.scan->tensors[i].packed; });
}

bool Judge::AnyPlain(const EngineModule& module) const {
  return std::any_of(module.specs.begin(), module.specs.end(), [&](size_t i) {
    return in_.scan->tensors[i].present && !in_.scan->tensors[i].packed;
  });
}

void Judge::CompareModules(const std::vector<EngineModule>& modules, const Matcher& match,
                           const MismatchRules& rules,
                           const std::function<const char*(const EngineModule&)>& miss_rule) {
  for (const EngineModule& module : modules) {
    CompareModule(module, match(module), rules, miss_rule);
  }
}

void Judge::CompareModule(const EngineModule& module, const Match& match,
                          const MismatchRules& rules,
                          const std::function<const char*(const EngineModule&)>& miss_rule) {
  switch (match.treatment) {
    case Treatment::kBadPattern:
      return Fire(match.rule, match.entry,
                  fmt::format("entry {} is no valid pattern", Quoted(match.entry)));
    case Treatment::kContradiction:
      return Fire(match.rule, module.name,
                  fmt::format("{}: entry {} names one linear of it and no entry the other",
                              module.name, Quoted(match.entry)));
    case Treatment::kExcluded: {
      report_.unquantized.push_back(module.name);
      if (in_.scan == nullptr || !AnyPacked(module)) return;
      const auto named = rules.by_match.find(match.rule);
      return Fire(
          named == rules.by_match.end() ? rules.other : named->second, module.name,
          fmt::format("{} is left unquantized by {} ({}), but its tensors are NVFP4", module.name,
                      match.entry.empty() ? "no entry" : "entry " + Quoted(match.entry),
                      match.rule));
    }
    case Treatment::kQuantized:
      report_.quantized.push_back(module.name);
      if (in_.scan == nullptr || !AnyPlain(module)) return;
      return Fire(miss_rule(module), module.name,
                  fmt::format("{} is quantized for the engine, since no entry excludes it, but {} "
                              "BF16",
                              module.name,
                              AnyPacked(module) ? "some of its tensors are" : "its tensors are"));
  }
}

std::vector<bool> Judge::OwnersByPattern() const {
  const uint64_t layers = config().num_hidden_layers;
  const std::string pattern = TextField("index_topk_pattern");
  const auto number = [&](const char* key, int64_t absent) {
    const base::JsonValue* value = config_json().if_contains(key);
    return value != nullptr && value->is_int64() ? value->get_int64() : absent;
  };
  const int64_t frequency = std::max<int64_t>(number("index_topk_freq", 1), 1);
  const int64_t offset = number("index_skip_topk_offset", 2);
  std::vector<bool> owners;
  for (uint64_t layer = 0; layer < layers; ++layer) {
    if (layer < pattern.size()) {
      owners.push_back(pattern[layer] == 'F');
    } else {
      owners.push_back(std::max<int64_t>(static_cast<int64_t>(layer) - offset + 1, 0) % frequency ==
                       0);
    }
  }
  return owners;
}

std::string Judge::TextField(const char* key) const {
  const base::JsonValue* value = config_json().if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

}  // namespace glimmer::check
