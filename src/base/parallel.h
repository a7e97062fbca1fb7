// Independent jobs on several threads, and the flag that stops them.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>

#include "base/result.h"

namespace glimmer::base {

// Set once, from a signal handler or another thread; long work looks at it between steps.
class CancelFlag {
 public:
  void Set() { flag_.store(true, std::memory_order_relaxed); }
  void Clear() { flag_.store(false, std::memory_order_relaxed); }
  bool IsSet() const { return flag_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> flag_{false};
};

// Runs job(index, worker) for every index below `count`, indices handed out in order, on
// `workers` threads (worker < workers). After the first error no new job starts; that error is
// returned once all running jobs have ended. A job that throws on the calling thread stops the
// others likewise, and the exception goes on; on another thread it ends the program.
Status RunJobs(size_t count, size_t workers,
               const std::function<Status(size_t index, size_t worker)>& job);

}  // namespace glimmer::base
