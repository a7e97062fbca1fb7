#include "base/parallel.h"

#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace glimmer::base {

Status RunJobs(size_t count, size_t workers,
               const std::function<Status(size_t index, size_t worker)>& job) {
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::optional<Error> first_error;

  auto work = [&](size_t worker) {
    while (!failed.load()) {
      const size_t index = next.fetch_add(1);
      if (index >= count) return;
      Status status = job(index, worker);
      if (status.ok()) continue;
      const std::lock_guard lock(mutex);
      if (!first_error) first_error = std::move(status).error();
      failed.store(true);
    }
  };
  {
    std::vector<std::jthread> threads;
    try {
      for (size_t worker = 1; worker < workers; ++worker) threads.emplace_back(work, worker);
      work(0);
    } catch (...) {
      failed.store(true);
      throw;
    }
  }
  if (first_error) return *first_error;
  return {};
}

}  // namespace glimmer::base
