#include "base/thread_pool.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <csignal>

#include "base/check.h"
#include "base/futex.h"
#include "base/processors.h"
#include "base/thread_place.h"

namespace glimmer::base {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kRangesPerThread = 4;

// About a microsecond: how long a waiting thread looks before it offers its processor to others.
constexpr int kLooksPerYield = 64;
// A yield that takes longer let somebody else run, who may need the processor again.
constexpr std::chrono::microseconds kDisplaced{50};
// Longer than the gap between two loops of a forward pass.
constexpr std::chrono::microseconds kWorkerSpin{100};
// The caller's processor is the loop's anyway, and waking up would be added to the loop's time.
constexpr std::chrono::microseconds kCallerSpin{1000};

// How many threads a thread wakes: those wake others in turn, so that the calls of a large pool
// take place side by side.
constexpr int kWokenByOne = 2;

// ThreadPool::loop_ is a loop's number (40 bits) and its count of tasks (24); Part::next is a
// number and the next index to take. Numbers wrap.
constexpr int kNumberShift = 24;
constexpr uint64_t kLowMask = (uint64_t{1} << kNumberShift) - 1;
constexpr uint64_t kNumberMask = ~uint64_t{0} >> kNumberShift;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

// Whether `ready()` became true before it was time to sleep.
template <typename Ready>
bool SpinUntil(Clock::duration limit, const Ready& ready) {
  const Clock::time_point start = Clock::now();
  Clock::time_point last = start;
  while (true) {
    for (int look = 0; look < kLooksPerYield; ++look) {
      if (ready()) return true;
      Pause();
    }
    std::this_thread::yield();
    const Clock::time_point now = Clock::now();
    if (now - last > kDisplaced || now - start > limit) return ready();
    last = now;
  }
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

// Says that a loop runs, and breaks off when one does already.
class RunsAlone {
 public:
  explicit RunsAlone(std::atomic<bool>& running) : running_(running) {
    GLIMMER_CHECK(!running_.exchange(true));
  }
  ~RunsAlone() { running_.store(false); }

 private:
  std::atomic<bool>& running_;
};

}  // namespace

// A loop as each thread sees it. No part is empty.
struct ThreadPool::Loop {
  Loop(uint64_t word, size_t threads)
      : number(word >> kNumberShift),
        count(static_cast<size_t>(word & kLowMask)),
        parts(std::min(count, threads)) {}

  size_t Begin(size_t part) const { return count * part / parts; }

  uint64_t number;
  size_t count;
  size_t parts;
};

ThreadPool::ThreadPool(size_t threads) : parts_(new Part[threads]) {
  GLIMMER_CHECK(threads >= 1);
  if (threads == 1) return;
  const std::vector<size_t> allowed = AllowedCpus();
  const std::vector<std::vector<size_t>> places = PlaceThreads(ReadProcessors(allowed), threads);
  const WorkersBlockSignals mask;
  workers_.reserve(threads - 1);
  try {
    for (size_t thread = 1; thread < threads; ++thread) {
      workers_.emplace_back([this, thread, home = places[thread], allowed] {
        ThreadPlace place(home, allowed);
        Work(thread, place);
      });
    }
  } catch (...) {
    EndWorkers();
    throw;
  }
}

ThreadPool::~ThreadPool() { EndWorkers(); }

void ThreadPool::EndWorkers() {
  stop_.store(true);
  wake_.fetch_add(1);
  WakeSleepers(wake_, INT_MAX);
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(size_t count, const std::function<void(size_t, size_t)>& task) {
  GLIMMER_CHECK(count <= kMaxTasks);
  const RunsAlone alone(running_);
  if (!workers_.empty() && count > 1) return RunOnAll(count, task);
  for (size_t index = 0; index < count; ++index) task(index, 0);
}

void ThreadPool::RunOnAll(size_t count, const std::function<void(size_t, size_t)>& task) {
  task_.store(&task, std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  const uint64_t number = (loop_.load(std::memory_order_relaxed) >> kNumberShift) + 1;
  const uint64_t loop_word = number << kNumberShift | count;
  // A worker counts itself as sleeping before it looks at the loop a last time, and both are
  // sequentially consistent: either it sees the loop or it is seen here.
  loop_.store(loop_word);
  if (sleeping_.load() > 0) {
    wake_.fetch_add(1);
    WakeSome();
  }
  TakeTasks(loop_word, 0);
  WaitForAll(count);
}

void ThreadPool::WakeSome() { WakeSleepers(wake_, kWokenByOne); }

void ThreadPool::TakeTasks(uint64_t loop_word, size_t thread) noexcept {
  const Loop loop(loop_word, threads());
  size_t finished = 0;
  for (size_t i = 0; i < loop.parts; ++i) {
    const size_t part = (thread + i) % loop.parts;
    for (size_t index; Take(loop, part, index); ++finished) {
      // The loop cannot end before this task does, so task_ is still its own.
      (*task_.load(std::memory_order_relaxed))(index, thread);
    }
  }
  if (finished > 0) Finish(loop, finished);
}

// A part whose number is an older loop's has not been begun. In a loop that is over every part was
// begun and emptied, or belongs to a later loop: who comes late finds nothing to take.
bool ThreadPool::Take(const Loop& loop, size_t part, size_t& index) {
  std::atomic<uint64_t>& next = parts_[part].next;
  uint64_t seen = next.load(std::memory_order_relaxed);
  while (true) {
    const uint64_t age = (loop.number - (seen >> kNumberShift)) & kNumberMask;
    if (age > kNumberMask / 2) return false;
    index = age == 0 ? static_cast<size_t>(seen & kLowMask) : loop.Begin(part);
    if (index >= loop.Begin(part + 1)) return false;
    if (next.compare_exchange_weak(seen, loop.number << kNumberShift | (index + 1),
                                   std::memory_order_acq_rel, std::memory_order_relaxed)) {
      return true;
    }
  }
}

// The same handshake as in RunOnAll: the caller says that it sleeps before it looks a last time.
void ThreadPool::Finish(const Loop& loop, size_t tasks) {
  const auto added = static_cast<uint32_t>(tasks);
  if (done_.fetch_add(added) + added == loop.count && caller_sleeps_.load()) {
    WakeSleepers(done_, 1);
  }
}

void ThreadPool::WaitForAll(size_t count) {
  const auto all_done = [&] { return done_.load(std::memory_order_acquire) == count; };
  if (all_done() || SpinUntil(kCallerSpin, all_done)) return;
  caller_sleeps_.store(true);
  for (uint32_t done = done_.load(); done != count; done = done_.load()) SleepWhile(done_, done);
  caller_sleeps_.store(false);
}

void ThreadPool::Work(size_t thread, ThreadPlace& place) {
  uint64_t loop_word = 0;
  while (true) {
    loop_word = NextLoop(loop_word);
    if (stop_.load()) return;
    TakeTasks(loop_word, thread);
    place.Review();
  }
}

uint64_t ThreadPool::NextLoop(uint64_t last) {
  const auto ready = [&] { return loop_.load() != last || stop_.load(std::memory_order_relaxed); };
  if (SpinUntil(kWorkerSpin, ready)) return loop_.load();
  const uint32_t seen = wake_.load();
  sleeping_.fetch_add(1);
  while (!ready() && wake_.load() == seen) SleepWhile(wake_, seen);
  const size_t asleep = sleeping_.fetch_sub(1) - 1;
  const uint64_t loop_word = loop_.load();
  if (asleep > 0 && threads() - asleep < (loop_word & kLowMask)) WakeSome();
  return loop_word;
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
