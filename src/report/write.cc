#include "report/write.h"

#include "base/file.h"
#include "report/figures.h"
#include "report/model_card.h"
#include "report/page.h"
#include "report/report_json.h"

namespace glimmer::report {

std::vector<std::string> Names() { return {kCardName, kHtmlName, kJsonName}; }
std::vector<std::string> DatedNames() { return {kHtmlName, kJsonName}; }

base::Status Write(const Facts& facts) {
  const Figures figures = ComputeFigures(facts);
  const std::string card = ModelCard(facts, figures);
  const std::string json = base::DumpJson(ReportJson(facts, figures, card), 1) + "\n";
  const auto path = [&](const char* name) { return base::JoinPath(facts.output_folder, name); };
  GLIMMER_TRY(base::WriteFileAtomically(path(kCardName), card));
  GLIMMER_TRY(base::WriteFileAtomically(path(kJsonName), json));
  return base::WriteFileAtomically(path(kHtmlName), ReportPage(facts, figures, card));
}

}  // namespace glimmer::report
