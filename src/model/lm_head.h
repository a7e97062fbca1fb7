// The output matrix, packed when a model is loaded: the largest matrix that a checkpoint leaves in
// BF16, read whole for every token. Source: docs/model.md#lm_head.
#pragma once

#include <cstddef>
#include <optional>

#include "base/result.h"
#include "model/settings.h"
#include "model/weights.h"
#include "tensor/pack_error.h"

namespace glimmer::model {

// Makes weights.lm_head a packed copy of itself, on `threads` threads, and returns what that lost;
// nothing where it stays as stored, which is also what kNvfp4 finds in a checkpoint whose lm_head
// is NVFP4 already. embed_tokens is left alone. Bytes and error do not depend on `threads`.
// Errors: kInvalid for kFp8 of an NVFP4 matrix, which would lose without saving anything;
// kUnsupported for an F32 matrix, and for kNvfp4 of rows that are no whole blocks of 16; kCorrupt
// for numbers that are not finite. The weights are then as they were.
base::Result<std::optional<tensor::PackError>> PackLmHead(LmHead as, size_t threads,
                                                          Weights& weights);

}  // namespace glimmer::model
