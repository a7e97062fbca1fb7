// What a check says: which rule fired, on what, how bad it is and what to do. Rules are constants
// in tables (integrity_rules.h, rules_*.h); findings are values that only point to them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace glimmer::check {

enum class Severity {
  kNote,         // good to know
  kWarning,      // harmless, or only in some uses
  kWrongValues,  // an engine loads it and computes wrong or undefined values
  kRefuses,      // an engine does not load it, or does not start
  kDefect,       // the checkpoint contradicts its format, its config or itself
};

// Of rules that state a fact and never fire.
constexpr Severity kFact = Severity::kNote;

// "note", "warning", "wrong values", "refuses", "defect".
const char* SeverityName(Severity severity);
constexpr bool IsError(Severity severity) { return severity >= Severity::kWrongValues; }

struct Rule {
  const char* id;  // "V20"; for integrity a word such as "shape"
  Severity severity;
  bool verified;         // against the engine's released code
  const char* sentence;  // what happens
  const char* remedy;    // what to do; may be empty
};

// One place where a rule fired.
struct Case {
  std::string subject;  // module, tensor, file or field
  std::string found;    // a sentence that names it, with expected and found
};

struct Finding {
  const Rule* rule;
  std::vector<Case> cases;  // the first ones
  uint64_t count = 0;       // of all
};

// At most this many cases of one rule are kept; the rest are counted.
constexpr size_t kCasesKept = 20;

// Collects findings, one for each rule, in the order in which rules fire first.
class Findings {
 public:
  void Add(const Rule& rule, std::string subject, std::string found);
  const std::vector<Finding>& list() const { return list_; }
  bool Has(const char* rule_id) const;
  // The worst severity; kNote when there is none.
  Severity worst() const;
  // Whether any finding is an error, or with `strict` a warning.
  bool fails(bool strict) const;

 private:
  std::vector<Finding> list_;
};

}  // namespace glimmer::check
