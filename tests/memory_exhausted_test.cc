// What a program says whose memory ran out where no exception can travel (apps/memory_exhausted.h).
#include "apps/memory_exhausted.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <new>

#include "base/result.h"
#include "base/thread_pool.h"

namespace glimmer::apps {
namespace {

constexpr size_t kTooMuch = size_t{1} << 60;

void AskForTooMuch(size_t, size_t) { ::operator delete(::operator new(kTooMuch)); }

void RunOnAPool(const std::function<void(size_t, size_t)>& task) {
  HandleExhaustedMemory();
  base::ThreadPool pool(2);
  pool.Run(8, task);
}

const auto kSaid = testing::ExitedWithCode(base::ExitCode(base::ErrorKind::kExhausted));

TEST(MemoryExhaustedDeathTest, InATaskOfAPool) {
  EXPECT_EXIT(RunOnAPool(AskForTooMuch), kSaid, "^glimmer: out of memory: .* more were wanted");
}

TEST(MemoryExhaustedDeathTest, OfAnAllocatorOfItsOwn) {
  const auto fail = [](size_t, size_t) { throw std::bad_alloc(); };
  EXPECT_EXIT(RunOnAPool(fail), kSaid, "^glimmer: out of memory");
}

TEST(MemoryExhaustedDeathTest, IsAnExceptionOnTheMainThread) {
  const auto ask = [] {
    HandleExhaustedMemory();
    try {
      AskForTooMuch(0, 0);
    } catch (const std::bad_alloc&) {
      ::_exit(WantedBytes() == kTooMuch ? 0 : 1);
    }
  };
  EXPECT_EXIT(ask(), testing::ExitedWithCode(0), "");
}

TEST(MemoryExhaustedDeathTest, OtherExceptionsAbort) {
  const auto fail = [](size_t, size_t) { throw 1; };
  EXPECT_DEATH(RunOnAPool(fail), "terminate");
}

}  // namespace
}  // namespace glimmer::apps
