// --threads, the same for every command that computes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "apps/options.h"

namespace glimmer::apps {

void AddThreadsOption(Command command, uint64_t* threads);

// The count to use: what was asked for, or with 0 a thread for each physical core that the process
// may use. Warns on standard error, once, when more were asked for than there are processors.
size_t ThreadCount(uint64_t asked);

}  // namespace glimmer::apps
