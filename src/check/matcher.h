// How engines read the list of unquantized modules: three matchers, each the logic of its engine's
// release line by line, over the names that the engine gives its modules (joined linears under one
// name). tests/oracles/engine_rules.py compares them with the engines' own code.
// Source: docs/engines.md#ignore-lists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "check/announcement.h"

namespace glimmer::check {

enum class Treatment {
  kQuantized,
  kExcluded,
  kContradiction,  // the engine raises an error: some shards of a joined linear are listed
  kBadPattern,     // the engine raises an error: an entry is no valid pattern for it
};

struct Match {
  Treatment treatment = Treatment::kQuantized;
  const char* rule = "";  // the matching rule that decided, such as "V14"
  std::string entry;      // of the list that it decided by
};

struct EngineModule {
  std::string name;           // as the engine spells it
  std::vector<size_t> specs;  // the linears in it, indices into the inventory
  bool experts = false;       // the block of routed experts
  bool mtp = false;
};

// `list` is `ignore` or `exclude_modules`.
Match MatchVllm(const std::vector<std::string>& list, const EngineModule& module);
Match MatchTensorrtLlm(const std::vector<std::string>& list, const EngineModule& module);

// The same with quantized_layers of a MIXED_PRECISION checkpoint: what no layer names is excluded.
Match MatchVllm(const Announcement& announced, const EngineModule& module);
Match MatchTensorrtLlm(const Announcement& announced, const EngineModule& module);

// SGLang compiles every entry; this holds the compiled ones.
class SglangList {
 public:
  // `list` must outlive it.
  explicit SglangList(const std::vector<std::string>& list);
  ~SglangList();

  Match Find(const EngineModule& module) const;
  // With the quantized_layers of `announced`, whose list this is.
  Match Find(const Announcement& announced, const EngineModule& module) const;

 private:
  struct Pattern;
  Match FindPattern(const std::string& name) const;

  const std::vector<std::string>& list_;
  std::vector<Pattern> patterns_;
};

// The part of a module's name behind its last dot.
std::string_view LastPart(std::string_view name);
// The name with its last part replaced.
std::string WithLastPart(std::string_view name, std::string_view last);

}  // namespace glimmer::check
