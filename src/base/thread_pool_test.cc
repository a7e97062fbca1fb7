#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <set>
#include <stdexcept>

#include "base/processors.h"

namespace glimmer::base {
namespace {

using std::chrono::milliseconds;

// The processors that the calling thread may use.
std::vector<size_t> MaskHere() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
  std::vector<size_t> cpus;
  for (size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

// The mask of each thread of the pool, from one task that each of them takes: none ends before all
// have begun.
std::vector<std::vector<size_t>> MasksOf(ThreadPool& pool) {
  std::vector<std::vector<size_t>> masks(pool.threads());
  std::atomic<size_t> begun{0};
  pool.Run(pool.threads(), [&](size_t, size_t thread) {
    masks[thread] = MaskHere();
    ++begun;
    while (begun < pool.threads()) std::this_thread::yield();
  });
  return masks;
}

TEST(ThreadPool, RunsEveryIndexOnceLoopAfterLoop) {
  for (const size_t threads : {1u, 2u, 5u, 16u}) {
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

TEST(ThreadPool, RunsThousandsOfTinyLoops) {
  for (const size_t threads : {2u, 4u}) {
    ThreadPool pool(threads);
    std::vector<uint64_t> sums(64);
    uint64_t expected = 0;
    for (size_t loop = 0; loop < 20'000; ++loop) {
      const size_t count = 1 + loop % 64;
      pool.Run(count, [&](size_t index, size_t) { sums[index] += loop; });
      expected += loop * count;
    }
    EXPECT_EQ(std::accumulate(sums.begin(), sums.end(), uint64_t{0}), expected);
  }
}

TEST(ThreadPool, ReturnsAfterTheLastTaskHasEnded) {
  ThreadPool pool(3);
  for (int round = 0; round < 5; ++round) {
    std::atomic<int> ended{0};
    pool.Run(3, [&](size_t index, size_t) {
      // Longer than a waiting caller spins.
      std::this_thread::sleep_for(milliseconds(4 * index));
      ++ended;
    });
    EXPECT_EQ(ended, 3);
  }
}

TEST(ThreadPool, WakesUpAfterALongPause) {
  ThreadPool pool(3);
  std::atomic<int> sum{0};
  for (int round = 0; round < 3; ++round) {
    pool.Run(100, [&](size_t, size_t) { ++sum; });
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(sum, 300);
}

TEST(ThreadPool, EveryThreadIsWokenForALoopThatHasWorkForIt) {
  ThreadPool pool(16);
  std::this_thread::sleep_for(milliseconds(20));  // all sleep
  EXPECT_EQ(MasksOf(pool).size(), 16u);           // returns only if all take part
}

TEST(ThreadPool, OtherThreadsTakeTheTasksOfOneThatIsHeldUp) {
  ThreadPool pool(2);
  std::atomic<int> ended{0};
  // Thread 0 stays in index 0, the first of its half, until all others are done.
  pool.Run(64, [&](size_t index, size_t) {
    while (index == 0 && ended < 63) std::this_thread::yield();
    ++ended;
  });
  EXPECT_EQ(ended, 64);
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

TEST(ThreadPool, WorkersAreWhereTheyWerePlacedAndTheCallerIsFree) {
  const std::vector<size_t> before = MaskHere();
  const std::vector<Processor> processors = ReadProcessors(AllowedCpus());
  for (const size_t threads : {processors.size(), processors.size() + 1}) {
    ThreadPool pool(threads);
    const auto places = PlaceThreads(processors, threads);
    const auto masks = MasksOf(pool);
    EXPECT_EQ(masks[0], before);
    for (size_t thread = 1; thread < threads; ++thread) {
      EXPECT_EQ(masks[thread], places[thread].empty() ? before : places[thread]);
    }
  }
  EXPECT_EQ(MaskHere(), before);
}

using ThreadPoolDeathTest = testing::Test;

TEST(ThreadPoolDeathTest, ALoopInsideALoopIsRefused) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const size_t threads : {1u, 2u}) {
    EXPECT_DEATH(
        {
          ThreadPool pool(threads);
          pool.Run(4, [&](size_t, size_t) { pool.Run(2, [](size_t, size_t) {}); });
        },
        "broken requirement");
  }
}

TEST(ThreadPoolDeathTest, AnExceptionEndsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        ThreadPool pool(2);
        // One task alone: two threads that end the program at once print something else.
        pool.Run(4, [](size_t index, size_t) {
          if (index == 0) throw std::runtime_error("from a task");
        });
      },
      "from a task");
}

}  // namespace
}  // namespace glimmer::base
