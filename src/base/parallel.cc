#include "base/parallel.h"

#include <sched.h>
#include <unistd.h>

#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace glimmer::base {

size_t UsableProcessors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
    return static_cast<size_t>(CPU_COUNT(&set));
  }
  const unsigned hardware = std::thread::hardware_concurrency();
  return hardware == 0 ? 1 : hardware;
}

uint64_t MachineMemoryBytes() {
  return static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

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
    for (size_t worker = 1; worker < workers; ++worker) threads.emplace_back(work, worker);
    work(0);
  }
  if (first_error) return *first_error;
  return {};
}

}  // namespace glimmer::base
