#include "base/thread_place.h"

#include <sys/resource.h>

#include <utility>

#include "base/processors.h"

namespace glimmer::base {
namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenReviews = 10ms;
// Of the kernel's own threads there are a few in a second; a process that wants the processor
// displaces a running thread about every 3 ms, and one that yields at every offer.
constexpr long kManyDisplacements = 3;
constexpr auto kQuiet = 1s;

}  // namespace

ThreadPlace::ThreadPlace(std::vector<size_t> home, std::vector<size_t> allowed)
    : home_(std::move(home)), allowed_(std::move(allowed)) {
  KeepThisThreadTo(home_);
}

void ThreadPlace::Review(Clock::time_point now, long times_displaced) {
  const long fresh = times_displaced - std::exchange(displaced_, times_displaced);
  if (fresh >= kManyDisplacements) last_displaced_ = now;
  const bool quiet = now - last_displaced_ >= kQuiet;
  if (home_.empty() || quiet == at_home_) return;
  at_home_ = quiet;
  KeepThisThreadTo(at_home_ ? home_ : allowed_);
}

void ThreadPlace::Review() {
  const Clock::time_point now = Clock::now();
  if (now < next_review_) return;
  next_review_ = now + kBetweenReviews;
  rusage usage = {};
  ::getrusage(RUSAGE_THREAD, &usage);
  Review(now, usage.ru_nivcsw);
}

}  // namespace glimmer::base
