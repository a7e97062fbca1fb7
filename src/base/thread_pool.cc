#include "base/thread_pool.h"

#include <algorithm>

#include "base/check.h"

namespace glimmer::base {
namespace {

// About 20 microseconds: longer than the gap between two loops of a forward pass.
constexpr int kSpins = 2000;
constexpr size_t kRangesPerThread = 4;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

ThreadPool::ThreadPool(size_t threads) {
  GLIMMER_CHECK(threads >= 1);
  for (size_t thread = 1; thread < threads; ++thread) {
    workers_.emplace_back([this, thread] { Work(thread); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_.store(true);
    loop_.fetch_add(1);
  }
  wake_.notify_all();
}

void ThreadPool::Run(size_t count, const std::function<void(size_t, size_t)>& task) {
  if (count == 0) return;
  if (workers_.empty() || count == 1) {
    for (size_t index = 0; index < count; ++index) task(index, 0);
    return;
  }
  task_ = &task;
  count_ = count;
  next_.store(0, std::memory_order_relaxed);
  working_.store(workers_.size(), std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    loop_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_all();
  TakeTasks(0);
  for (int spin = 0; working_.load(std::memory_order_acquire) > 0; ++spin) {
    spin < kSpins ? Pause() : std::this_thread::yield();
  }
}

void ThreadPool::TakeTasks(size_t thread) {
  for (size_t index = next_.fetch_add(1, std::memory_order_relaxed); index < count_;
       index = next_.fetch_add(1, std::memory_order_relaxed)) {
    (*task_)(index, thread);
  }
}

void ThreadPool::Work(size_t thread) {
  size_t seen = 0;
  while (true) {
    for (int spin = 0; spin < kSpins && loop_.load(std::memory_order_acquire) == seen; ++spin) {
      Pause();
    }
    if (loop_.load(std::memory_order_acquire) == seen) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return loop_.load(std::memory_order_acquire) != seen; });
    }
    if (stop_.load()) return;
    ++seen;
    TakeTasks(thread);
    working_.fetch_sub(1, std::memory_order_release);
  }
}

void RunRanges(ThreadPool& pool, size_t count, size_t grain,
               const std::function<void(size_t, size_t, size_t)>& body) {
  if (count == 0) return;
  const size_t grains = (count + grain - 1) / grain;
  const size_t wanted = pool.threads() == 1 ? 1 : pool.threads() * kRangesPerThread;
  const size_t ranges = std::min(grains, wanted);
  pool.Run(ranges, [&](size_t range, size_t thread) {
    const size_t first = grains * range / ranges * grain;
    const size_t last = std::min(count, grains * (range + 1) / ranges * grain);
    body(first, last, thread);
  });
}

}  // namespace glimmer::base
