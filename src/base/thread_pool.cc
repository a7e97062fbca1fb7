#include "base/thread_pool.h"

#include <algorithm>
#include <csignal>

#include "base/check.h"

namespace glimmer::base {
namespace {

// About 20 microseconds: longer than the gap between two loops of a forward pass.
constexpr int kSpins = 2000;
constexpr size_t kRangesPerThread = 4;

// The fields of ThreadPool::loop_: number (16 bits), count (24), next index (24). Every thread
// takes at most one index too many, for which kMaxTasks leaves room.
constexpr int kCountShift = 24;
constexpr int kNumberShift = 48;
constexpr uint64_t kFieldMask = (uint64_t{1} << 24) - 1;

bool HasTasks(uint64_t loop) { return (loop & kFieldMask) < (loop >> kCountShift & kFieldMask); }

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

// Signals of users and their shells are for the thread that waits for them; a fault of a worker
// still is the worker's own.
class WorkersBlockSignals {
 public:
  WorkersBlockSignals() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int fault : {SIGBUS, SIGSEGV, SIGILL, SIGFPE}) sigdelset(&blocked, fault);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before_);
  }
  ~WorkersBlockSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

ThreadPool::ThreadPool(size_t threads) {
  GLIMMER_CHECK(threads >= 1);
  const WorkersBlockSignals mask;
  for (size_t thread = 1; thread < threads; ++thread) {
    workers_.emplace_back([this, thread] { Work(thread); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_.store(true);
  }
  wake_.notify_all();
}

void ThreadPool::Run(size_t count, const std::function<void(size_t, size_t)>& task) {
  GLIMMER_CHECK(count <= kMaxTasks);
  if (workers_.empty() || count <= 1) {
    for (size_t index = 0; index < count; ++index) task(index, 0);
    return;
  }
  task_.store(&task, std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  const uint64_t number = (loop_.load(std::memory_order_relaxed) >> kNumberShift) + 1;
  loop_.store(number << kNumberShift | uint64_t{count} << kCountShift);
  // A worker counts itself as sleeping before it looks at the loop a last time, and both are
  // sequentially consistent: either it sees the loop or it is seen here.
  if (sleeping_.load() > 0) {
    { const std::lock_guard lock(mutex_); }
    wake_.notify_all();
  }
  TakeTasks(0);
  for (int spin = 0; done_.load(std::memory_order_acquire) < count; ++spin) {
    spin < kSpins ? Pause() : std::this_thread::yield();
  }
}

void ThreadPool::TakeTasks(size_t thread) {
  while (true) {
    const uint64_t loop = loop_.fetch_add(1, std::memory_order_acq_rel);
    if (!HasTasks(loop)) return;
    // This loop cannot end before the task does, so task_ is still its own.
    (*task_.load(std::memory_order_relaxed))(loop & kFieldMask, thread);
    done_.fetch_add(1, std::memory_order_release);
  }
}

void ThreadPool::Work(size_t thread) {
  while (!stop_.load(std::memory_order_relaxed)) {
    for (int spin = 0; spin < kSpins && !HasTasks(loop_.load(std::memory_order_relaxed)); ++spin) {
      Pause();
    }
    if (!HasTasks(loop_.load(std::memory_order_relaxed))) {
      std::unique_lock lock(mutex_);
      sleeping_.fetch_add(1);
      wake_.wait(lock, [&] { return stop_.load() || HasTasks(loop_.load()); });
      sleeping_.fetch_sub(1);
    }
    TakeTasks(thread);
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
