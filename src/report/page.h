// report.html: the report for people, one page that needs nothing else: no network, no script, no
// fonts; light and dark as the reader's system is.
#pragma once

#include <string>

#include "report/facts.h"
#include "report/figures.h"

namespace glimmer::report {

std::string ReportPage(const Facts& facts, const Figures& figures, const std::string& card);

}  // namespace glimmer::report
