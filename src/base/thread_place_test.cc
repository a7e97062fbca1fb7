#include "base/thread_place.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

#include "base/processors.h"

namespace glimmer::base {
namespace {

using namespace std::chrono_literals;

size_t ProcessorsHere() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
  return static_cast<size_t>(CPU_COUNT(&set));
}

TEST(ThreadPlace, LeavesHomeWhenDisplacedAndComesBackWhenItIsQuiet) {
  std::thread([] {
    const std::vector<size_t> allowed = AllowedCpus();
    ThreadPlace place({allowed.front()}, allowed);
    EXPECT_EQ(ProcessorsHere(), 1u);
    const auto start = ThreadPlace::Clock::now();
    long displaced = 0;
    place.Review(start, displaced += 2);
    EXPECT_TRUE(place.AtHome());
    place.Review(start + 10ms, displaced += 3);
    EXPECT_FALSE(place.AtHome());
    EXPECT_EQ(ProcessorsHere(), allowed.size());
    place.Review(start + 900ms, displaced += 3);
    place.Review(start + 1800ms, displaced += 2);
    EXPECT_FALSE(place.AtHome());
    place.Review(start + 1900ms, displaced);
    EXPECT_TRUE(place.AtHome());
    EXPECT_EQ(ProcessorsHere(), 1u);
  }).join();
}

TEST(ThreadPlace, WithoutHomeNothingIsRestricted) {
  std::thread([] {
    // Applying this list would show.
    ThreadPlace place({}, {AllowedCpus().front()});
    const auto start = ThreadPlace::Clock::now();
    for (int review = 0; review < 400; ++review) {
      place.Review(start + review * 10ms, review < 200 ? 5 * review : 1000);
      EXPECT_EQ(ProcessorsHere(), AllowedCpus().size());
    }
  }).join();
}

}  // namespace
}  // namespace glimmer::base
