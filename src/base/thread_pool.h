// Threads that stay, for loops that run many times a millisecond: a forward pass has hundreds of
// them, and starting a thread for each would cost more than their work.
// (RunJobs in parallel.h is for few long jobs that can fail.)
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace glimmer::base {

// One thread at a time may call Run. Between loops the workers wait, a short while by spinning.
// They take no signals but faults.
class ThreadPool {
 public:
  // `threads` counts the calling one. REQUIRES: threads >= 1.
  explicit ThreadPool(size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  static constexpr size_t kMaxTasks = (size_t{1} << 24) - 4096;

  size_t threads() const { return workers_.size() + 1; }

  // Calls task(index, thread) once for every index below `count`, thread < threads(), indices
  // handed out in order; returns when all are done, without waiting for threads that have nothing
  // to do. Tasks must not throw, nor call Run. REQUIRES: count <= kMaxTasks.
  void Run(size_t count, const std::function<void(size_t index, size_t thread)>& task);

 private:
  void Work(size_t thread);
  void TakeTasks(size_t thread);

  std::vector<std::jthread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<size_t> sleeping_{0};
  std::atomic<bool> stop_{false};
  // The current loop in one word, so that a worker that comes late cannot mix two of them: its
  // number, its count of tasks, and the next index to take (thread_pool.cc).
  std::atomic<uint64_t> loop_{0};
  std::atomic<size_t> done_{0};  // tasks of the current loop that have ended
  std::atomic<const std::function<void(size_t, size_t)>*> task_{nullptr};
};

// Calls body(first, last, thread) for consecutive ranges that cover [0, count), each a multiple of
// `grain` long but the last, several for each thread so that a thread held up by another process
// does not hold up the loop.
void RunRanges(ThreadPool& pool, size_t count, size_t grain,
               const std::function<void(size_t first, size_t last, size_t thread)>& body);

}  // namespace glimmer::base
