// Sleeping until a word changes, by Linux's futex(2). std::atomic::wait would do the same, but
// wakes one thread or all.
#pragma once

#include <atomic>
#include <cstdint>

namespace glimmer::base {

// Sleeps unless `word` is no longer `seen`, until woken; it may also return for no reason.
void SleepWhile(std::atomic<uint32_t>& word, uint32_t seen);
// Wakes at most so many threads that sleep on the word.
void WakeSleepers(std::atomic<uint32_t>& word, int threads);

}  // namespace glimmer::base
