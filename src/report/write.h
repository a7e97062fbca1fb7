// Writes what a conversion leaves behind for readers: README.md (the model card), report.json and
// report.html. The card is the same bytes whenever the output is; dates and durations stand in
// report.* only. Source: docs/report.md.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "report/facts.h"

namespace glimmer::report {

inline constexpr char kCardName[] = "README.md";
inline constexpr char kHtmlName[] = "report.html";
inline constexpr char kJsonName[] = "report.json";

// The three names, for quant::Companions::others.
std::vector<std::string> Names();
// Of those, what depends on when and where a run took place.
std::vector<std::string> DatedNames();

// Into facts.output_folder. Errors: kIo, kExhausted.
base::Status Write(const Facts& facts);

}  // namespace glimmer::report
