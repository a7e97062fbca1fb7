// Which processors this process may use, how they share cores and memory, and which of them the
// threads of a pool are kept to. docs/threads.md says it for users.
// Source: /sys/devices/system/{cpu,node}, sched_getaffinity(2), base/control_groups.h.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace glimmer::base {

struct Processor {
  size_t cpu;   // the system's number
  size_t core;  // the lowest number among the hyper-threads of its core
  size_t node;  // of memory that is near (NUMA)

  bool operator==(const Processor&) const = default;
};

// Numbers of the processors that the process's affinity mask allows, ascending, at least one.
// Read from the main thread, so it is the same on every thread.
std::vector<size_t> AllowedCpus();

// Those of `allowed` that are online, in their order. What /sys does not tell is taken to be a core
// for each processor and one node. `root`: where /sys is found, "" but in tests.
std::vector<Processor> ReadProcessors(const std::vector<size_t>& allowed,
                                      const std::string& root = "");

// Processors that this process may use, hyper-threads included; a quota counts rounded up.
// At least 1.
size_t UsableProcessors();
// Physical cores that this process may use; a quota counts rounded down, so that threads are not
// stopped in the middle of their work. At least 1. The default of --threads.
size_t UsableCores();

// For each thread of a pool the processors that it is kept to; an empty list is no restriction.
// Threads go to nodes evenly and in the order of nodes, to cores before second hyper-threads.
// - A pool that has a thread for every core gets one processor for each thread.
// - A smaller one is kept to nodes alone: another process would choose the same processors, and
//   only the system can tell the two apart.
// - One with more threads than processors is not restricted.
std::vector<std::vector<size_t>> PlaceThreads(const std::vector<Processor>& processors,
                                              size_t threads);

// The nodes of these processors, ascending.
std::vector<size_t> NodesOf(const std::vector<Processor>& processors);

// Keeps the calling thread to these processors where the system lets it; an empty list is no
// restriction.
void KeepThisThreadTo(const std::vector<size_t>& cpus);

}  // namespace glimmer::base
