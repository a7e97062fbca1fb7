// Is a checkpoint sound by itself? Its files, its tensors against its config, its scales, its two
// configuration files against each other and against the tensors, its MTP layer, its tokenizer.
// Reads headers, F32 scalars and the files beside the weights.
#pragma once

#include "check/finding.h"
#include "check/opened.h"
#include "check/scan.h"

namespace glimmer::check {

// `scan` is of `opened`, or nullptr when there are no weights to look at.
Findings CheckIntegrity(const Opened& opened, const Scan* scan);

// The part of it about the two configuration files and the list of unquantized modules.
void CheckConfigs(const Opened& opened, const Scan* scan, Findings& findings);

// The part of it about tokenizer.json and generation_config.json.
void CheckVocabulary(const Opened& opened, Findings& findings);

}  // namespace glimmer::check
