// README.md of an NVFP4 checkpoint, as the Hugging Face hub shows it: YAML front matter and a page
// whose every figure follows from the files written. No dates, durations or paths of this machine:
// the same conversion gives the same bytes.
#pragma once

#include <string>

#include "report/facts.h"
#include "report/figures.h"

namespace glimmer::report {

std::string ModelCard(const Facts& facts, const Figures& figures);

// The hub's name of the source ("zai-org/GLM-5.1"), as far as its folder tells: a snapshot in the
// hub's cache, or a GLM-5 release under its own name. Otherwise empty.
std::string BaseModel(const std::string& source_folder);

// The YAML lines about the licence that the source states, in its README's front matter or a
// LICENSE file; empty when it states none.
std::string LicenceLines(const std::string& source_folder);

// `glimmer quantize …` that makes the same bytes. `short_paths`: last components only, and
// OUT_DIR.
std::string CommandLine(const Facts& facts, bool short_paths);

}  // namespace glimmer::report
