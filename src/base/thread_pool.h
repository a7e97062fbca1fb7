// Threads that stay, for loops that run many times a millisecond: a forward pass has hundreds of
// them, and starting a thread for each would cost more than their work.
// (RunJobs in parallel.h is for few long jobs that can fail.)
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace glimmer::base {

// One thread at a time may call Run. Between loops the workers wait, a short while by spinning.
class ThreadPool {
 public:
  // `threads` counts the calling one. REQUIRES: threads >= 1.
  explicit ThreadPool(size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  size_t threads() const { return workers_.size() + 1; }

  // Calls task(index, thread) once for every index below `count`, thread < threads(), indices
  // handed out in order; returns when all are done. Tasks must not throw, nor call Run.
  void Run(size_t count, const std::function<void(size_t index, size_t thread)>& task);

 private:
  void Work(size_t thread);
  void TakeTasks(size_t thread);

  std::vector<std::jthread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<size_t> loop_{0};  // counts the loops begun; a change wakes the workers
  std::atomic<bool> stop_{false};
  std::atomic<size_t> next_{0};
  std::atomic<size_t> working_{0};  // workers that have not finished the current loop
  size_t count_ = 0;
  const std::function<void(size_t, size_t)>* task_ = nullptr;
};

// Calls body(first, last, thread) for consecutive ranges that cover [0, count), each a multiple of
// `grain` long but the last, several for each thread so that a thread held up by another process
// does not hold up the loop.
void RunRanges(ThreadPool& pool, size_t count, size_t grain,
               const std::function<void(size_t first, size_t last, size_t thread)>& body);

}  // namespace glimmer::base
