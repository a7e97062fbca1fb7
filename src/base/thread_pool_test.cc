#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <numeric>

namespace glimmer::base {
namespace {

TEST(ThreadPool, RunsEveryIndexOnceLoopAfterLoop) {
  for (const size_t threads : {1u, 2u, 5u}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (size_t count = 0; count < 200; ++count) {
      std::vector<int> calls(count);
      std::atomic<bool> bad_thread{false};
      pool.Run(count, [&](size_t index, size_t thread) {
        ++calls[index];  // one thread only may come here
        if (thread >= threads) bad_thread = true;
      });
      EXPECT_EQ(calls, std::vector<int>(count, 1));
      EXPECT_FALSE(bad_thread);
    }
  }
}

TEST(ThreadPool, WakesUpAfterALongPause) {
  ThreadPool pool(3);
  std::atomic<int> sum{0};
  for (int round = 0; round < 3; ++round) {
    pool.Run(100, [&](size_t, size_t) { ++sum; });
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(sum, 300);
}

TEST(ThreadPool, RangesCoverEverythingInGrains) {
  ThreadPool pool(2);
  for (size_t count = 0; count < 100; ++count) {
    for (const size_t grain : {1u, 4u, 16u}) {
      std::vector<int> calls(count);
      std::atomic<bool> off_grain{false};
      RunRanges(pool, count, grain, [&](size_t first, size_t last, size_t) {
        if (first % grain != 0 || (last % grain != 0 && last != count)) off_grain = true;
        for (size_t i = first; i < last; ++i) ++calls[i];
      });
      EXPECT_EQ(calls, std::vector<int>(count, 1));
      EXPECT_FALSE(off_grain);
    }
  }
}

}  // namespace
}  // namespace glimmer::base
