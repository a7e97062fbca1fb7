// Weights in memory before the first token, so that it waits for no disk.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "model/weights.h"

namespace glimmer::apps {

// Reads the mapped files of the weights into memory, with progress on standard error. Weights that
// are larger than the memory that is free are left where they are, with a warning: pages read ahead
// would only push each other out. Errors: kIo; kCancelled after Ctrl-C.
base::Status PreloadWeights(const model::Weights& weights, size_t threads);

}  // namespace glimmer::apps
