// A BF16 checkpoint held against the inventory of its config: every tensor there once, with the
// right shape and a type that glimmer converts, and nothing else.
#pragma once

#include <vector>

#include "base/result.h"
#include "io/checkpoint.h"
#include "model/config.h"
#include "model/inventory.h"

namespace glimmer::model {

// ListTensors(config) with the element types that the checkpoint has, followed by the optional MTP
// tensors it holds. Errors: kCorrupt for missing, unknown or misshapen tensors; kUnsupported, in a
// sentence that says what the weights are, for FP8, F16, packed and other types.
base::Result<std::vector<TensorSpec>> MatchBf16(const Config& config,
                                                const io::Checkpoint& checkpoint);

// The same by names alone, for a folder whose index is there and whose shards are not.
base::Status MatchNames(const Config& config, const std::vector<std::string>& names,
                        const std::string& where);

}  // namespace glimmer::model
