// Whether config.json and the tensors beside it describe the same model, as far as names tell.
#pragma once

#include "base/result.h"
#include "model/loaded_checkpoint.h"

namespace glimmer::model {

// Whether this matrix is stored in NVFP4.
bool IsPacked(const LoadedCheckpoint& checkpoint, const TensorSpec& spec);

// Errors: kCorrupt when the config announces NVFP4 and no weight is, or the reverse.
base::Status CheckAnnouncement(const LoadedCheckpoint& checkpoint);

// Errors: kCorrupt, naming it, for a tensor in one of the model's layers that the config knows
// nothing of, which says that the config is another model's. Layers behind the last one are left
// alone: MTP layers that the config drops.
base::Status CheckNothingElse(const LoadedCheckpoint& checkpoint);

}  // namespace glimmer::model
