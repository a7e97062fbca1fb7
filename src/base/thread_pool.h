// Threads that stay, for loops that run many times a millisecond: a forward pass has hundreds of
// them, and starting a thread for each would cost more than their work.
// (RunJobs in parallel.h is for few long jobs that can fail.)
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace glimmer::base {

class ThreadPlace;  // base/thread_place.h

// One thread at a time may call Run. Between loops the workers wait, a short while by spinning, in
// which they give way to other processes. They take no signals but faults. They are kept to
// processors as PlaceThreads() says, while no other process takes them; the calling thread is not,
// it belongs to the caller.
class ThreadPool {
 public:
  // `threads` counts the calling one. Throws std::system_error if they cannot all be started.
  // REQUIRES: threads >= 1.
  explicit ThreadPool(size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  static constexpr size_t kMaxTasks = (size_t{1} << 24) - 1;

  size_t threads() const { return workers_.size() + 1; }

  // Calls task(index, thread) once for every index below `count`, thread < threads(); returns when
  // all are done, without waiting for threads that have nothing to do. Each thread has a part of
  // the indices, next to each other and taken in order; one that has finished its own takes from
  // the others', so a thread held up by another process holds up the task that it is in, no more.
  // Tasks must not throw, which ends the program, nor call Run. REQUIRES: count <= kMaxTasks.
  void Run(size_t count, const std::function<void(size_t index, size_t thread)>& task);

 private:
  struct Loop;
  // Of one thread in the current loop: the loop's number and the next index to take.
  struct alignas(64) Part {
    std::atomic<uint64_t> next{0};
  };

  void RunOnAll(size_t count, const std::function<void(size_t, size_t)>& task);
  void EndWorkers();
  void Work(size_t thread, ThreadPlace& place);
  uint64_t NextLoop(uint64_t last);
  void TakeTasks(uint64_t loop_word, size_t thread) noexcept;
  bool Take(const Loop& loop, size_t part, size_t& index);
  void Finish(const Loop& loop, size_t tasks);
  void WaitForAll(size_t count);
  void WakeSome();

  std::vector<std::thread> workers_;
  std::unique_ptr<Part[]> parts_;
  std::atomic<bool> running_{false};
  std::atomic<bool> stop_{false};
  // The current loop in one word, so that a worker that comes late cannot mix two of them: its
  // number and its count of tasks (thread_pool.cc).
  alignas(64) std::atomic<uint64_t> loop_{0};
  std::atomic<const std::function<void(size_t, size_t)>*> task_{nullptr};
  alignas(64) std::atomic<uint32_t> done_{0};  // tasks of the current loop that have ended
  std::atomic<bool> caller_sleeps_{false};
  alignas(64) std::atomic<uint32_t> wake_{0};  // changes when sleeping workers are to look again
  std::atomic<size_t> sleeping_{0};
};

// Calls body(first, last, thread) for consecutive ranges that cover [0, count), each a multiple of
// `grain` long but the last, several for each thread so that a thread held up by another process
// does not hold up the loop.
void RunRanges(ThreadPool& pool, size_t count, size_t grain,
               const std::function<void(size_t first, size_t last, size_t thread)>& body);

}  // namespace glimmer::base
