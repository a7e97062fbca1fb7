// What happens when memory runs out: one sentence with what was wanted and the limit.
#pragma once

#include <cstdint>

namespace glimmer::apps {

// The main thread gets std::bad_alloc; where an exception would end the program without a sentence,
// on another thread and in a task of a pool, the program says it and ends with the code of
// kExhausted. To be called on the main thread.
void HandleExhaustedMemory();

// What the last allocation that failed on this thread asked for; 0 if none did.
uint64_t WantedBytes();

}  // namespace glimmer::apps
