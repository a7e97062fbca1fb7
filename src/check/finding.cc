#include "check/finding.h"

#include <algorithm>
#include <string_view>

namespace glimmer::check {

const char* SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kWrongValues:
      return "wrong values";
    case Severity::kRefuses:
      return "refuses";
    case Severity::kDefect:
      return "defect";
  }
  return "";
}

void Findings::Add(const Rule& rule, std::string subject, std::string found) {
  auto place = std::find_if(list_.begin(), list_.end(),
                            [&](const Finding& finding) { return finding.rule == &rule; });
  if (place == list_.end()) place = list_.insert(place, {&rule, {}, 0});
  ++place->count;
  if (place->cases.size() < kCasesKept) {
    place->cases.push_back({std::move(subject), std::move(found)});
  }
}

bool Findings::Has(const char* rule_id) const {
  return std::any_of(list_.begin(), list_.end(), [&](const Finding& finding) {
    return std::string_view(finding.rule->id) == rule_id;
  });
}

Severity Findings::worst() const {
  Severity worst = Severity::kNote;
  for (const Finding& finding : list_) worst = std::max(worst, finding.rule->severity);
  return worst;
}

bool Findings::fails(bool strict) const {
  return IsError(worst()) || (strict && worst() == Severity::kWarning);
}

}  // namespace glimmer::check
