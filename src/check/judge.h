// What the judges of the engines share: firing a rule by its id, and questions about tensors that
// several rules ask.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>

#include "check/engine.h"
#include "check/engine_modules.h"

namespace glimmer::check {

// A rule by its id; with a severity where the table has rows of one id for each of its outcomes.
struct RuleRef {
  RuleRef(const char* rule_id) : id(rule_id) {}  // NOLINT: implicit on purpose
  RuleRef(const char* rule_id, Severity outcome) : id(rule_id), severity(outcome) {}
  const char* id;
  std::optional<Severity> severity;
};

// Linears that read the same rows and that engines join.
inline constexpr auto kLatents = {model::ModuleKind::kQAProj, model::ModuleKind::kKvAProj};
inline constexpr auto kGateUps = {model::ModuleKind::kDenseGate, model::ModuleKind::kDenseUp,
                                  model::ModuleKind::kSharedGate, model::ModuleKind::kSharedUp};
inline constexpr auto kExpertGateUps = {model::ModuleKind::kExpertGate,
                                        model::ModuleKind::kExpertUp};

class Judge {
 public:
  Judge(Engine engine, const EngineInput& input) : in_(input), rules_(RulesOf(engine)) {
    report_.engine = engine;
  }

 protected:
  using Kinds = std::initializer_list<model::ModuleKind>;
  using Matcher = std::function<Match(const EngineModule&)>;

  void Fire(const RuleRef& rule, std::string subject, std::string found);

  const model::TensorSpec& spec(size_t index) const { return in_.opened.model.specs[index]; }
  const model::Config& config() const { return in_.opened.model.config; }
  const base::JsonObject& config_json() const { return in_.opened.model.config_json; }
  bool Is(size_t index, Kinds kinds) const;

  // Fires for every packed linear of these kinds, main layers only unless `mtp`.
  void FirePacked(const RuleRef& rule, Kinds kinds, bool mtp = false);
  // Fires for problems of this kind; `accept` may narrow them down.
  void FireProblems(const RuleRef& rule, Problem problem,
                    const std::function<bool(const TensorProblem&)>& accept = nullptr);
  // Fires for unequal scales between two linears of these kinds.
  void FireUnequal(const RuleRef& rule, model::Part part, Kinds kinds);
  // Fires when the two configuration files say different things.
  void FireDiffering(const RuleRef& rule);
  // Fires when the list is no list.
  void FireOddList(const RuleRef& rule, const Announcement& form);

  // Computes which modules the engine treats as quantized and holds it against the tensors.
  // `excluded_rules`: the rule that names a wrong hit by each matching rule; `missed` names a
  // BF16 module that nothing excludes.
  struct MismatchRules {
    std::map<std::string, const char*> by_match;  // matching rule -> rule to fire
    const char* other;                            // every other wrong hit, and misses
  };
  void CompareModules(const std::vector<EngineModule>& modules, const Matcher& match,
                      const MismatchRules& rules,
                      const std::function<const char*(const EngineModule&)>& miss_rule);

  // Some linear of the checkpoint is packed, as far as its weights were seen.
  bool AnyPackedSeen() const { return in_.scan != nullptr && in_.scan->any_packed(); }
  // Some linear of the module is packed, some is not: both may hold.
  bool AnyPacked(const EngineModule& module) const;
  bool AnyPlain(const EngineModule& module) const;

  // The indexer's owner by the keys that an engine reads, for each main layer.
  std::vector<bool> OwnersByPattern() const;
  std::string TextField(const char* key) const;

  const EngineInput& in_;
  std::span<const Rule> rules_;
  EngineReport report_;

 private:
  void CompareModule(const EngineModule& module, const Match& match, const MismatchRules& rules,
                     const std::function<const char*(const EngineModule&)>& miss_rule);
};

EngineReport JudgeVllm(const EngineInput& input);
EngineReport JudgeSglang(const EngineInput& input);
EngineReport JudgeTensorrtLlm(const EngineInput& input);
EngineReport JudgeGlimmer(const EngineInput& input);

}  // namespace glimmer::check
