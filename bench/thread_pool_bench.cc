// What a loop of base::ThreadPool costs beyond its work: regions of a few to some hundred
// microseconds, alone and beside another process that keeps one processor busy.
// `efficiency` is the work of all tasks on one thread divided by threads and by the measured time;
// beside a busy process on a machine that the pool fills, (processors - 1/2) / processors is fair.
#include <benchmark/benchmark.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <vector>

#include "base/thread_pool.h"

namespace glimmer::base {
namespace {

using Clock = std::chrono::steady_clock;

// Arithmetic that one thread needs about `steps` nanoseconds for and no compiler removes.
uint64_t Work(uint64_t seed, size_t steps) {
  uint64_t value = seed;
  for (size_t i = 0; i < steps; ++i) {
    value = value * 6364136223846793005u + 1442695040888963407u;
    benchmark::DoNotOptimize(value);
  }
  return value;
}

double SecondsOfWork(size_t steps) {
  double best = 1;
  for (int round = 0; round < 20; ++round) {
    const Clock::time_point start = Clock::now();
    benchmark::DoNotOptimize(Work(1, steps));
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

class BusyProcess {
 public:
  explicit BusyProcess(bool wanted) {
    if (!wanted) return;
    process_ = ::fork();
    if (process_ != 0) return;
    while (::getppid() != 1) Work(1, 1 << 20);  // ends with the benchmark, however that ends
    ::_exit(0);
  }
  ~BusyProcess() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }

 private:
  pid_t process_ = 0;
};

bool Right(ThreadPool& pool, size_t tasks) {
  std::vector<uint64_t> results(tasks);
  pool.Run(tasks, [&](size_t index, size_t) { results[index] += Work(index, 10); });
  for (size_t i = 0; i < tasks; ++i) {
    if (results[i] != Work(i, 10)) return false;
  }
  return true;
}

// Arguments: threads, tasks of a loop, steps of a task, 1 for a busy process beside.
void Loop(benchmark::State& state) {
  const auto threads = static_cast<size_t>(state.range(0));
  const auto tasks = static_cast<size_t>(state.range(1));
  const auto steps = static_cast<size_t>(state.range(2));
  const double task_seconds = steps == 0 ? 0 : SecondsOfWork(steps);
  const BusyProcess busy(state.range(3) != 0);
  ThreadPool pool(threads);
  if (!Right(pool, tasks)) return state.SkipWithError("wrong results");
  std::vector<uint64_t> sinks(threads * 16);
  const Clock::time_point start = Clock::now();
  for (auto _ : state) {
    pool.Run(tasks, [&](size_t index, size_t thread) { sinks[thread * 16] += Work(index, steps); });
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count() /
                         static_cast<double>(state.iterations());
  state.counters["efficiency"] =
      task_seconds * static_cast<double>(tasks) / static_cast<double>(threads) / seconds;
}

}  // namespace
}  // namespace glimmer::base

int main(int argc, char** argv) {
  const int64_t threads = std::max<int64_t>(2, ::sysconf(_SC_NPROCESSORS_ONLN));
  auto* loop = benchmark::RegisterBenchmark("Loop", glimmer::base::Loop);
  loop->ArgNames({"threads", "tasks", "steps", "busy"})->UseRealTime();
  for (const int64_t busy : {0, 1}) {
    loop->Args({threads, threads, 0, busy});
    for (const int64_t tasks : {2, 8, 64}) {
      for (const int64_t region_steps : {10'000, 100'000, 1'000'000}) {
        loop->Args({threads, tasks, region_steps / tasks, busy});
      }
    }
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
