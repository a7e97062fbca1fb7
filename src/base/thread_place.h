// Where the calling thread runs: at home, on the processors that it was placed on, unless another
// process takes them. Then it may go where the system likes until things have been quiet for a
// while: a thread that waits at home for its turn would hold up all others.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace glimmer::base {

// Made, used and destroyed on one thread, which keeps its last place.
class ThreadPlace {
 public:
  using Clock = std::chrono::steady_clock;

  // `home` empty: the thread stays unrestricted. `allowed`: the processors of the process.
  ThreadPlace(std::vector<size_t> home, std::vector<size_t> allowed);

  // To be called often, between tasks; looks at the system now and then.
  void Review();
  // The same at a time and after so many involuntary switches to another thread, for tests.
  void Review(Clock::time_point now, long times_displaced);

  bool AtHome() const { return at_home_; }

 private:
  std::vector<size_t> home_;
  std::vector<size_t> allowed_;
  bool at_home_ = true;
  Clock::time_point next_review_{};
  Clock::time_point last_displaced_{};
  long displaced_ = 0;
};

}  // namespace glimmer::base
