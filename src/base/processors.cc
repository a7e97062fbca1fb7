#include "base/processors.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <thread>

#include "base/control_groups.h"
#include "base/system_files.h"

namespace glimmer::base {
namespace {

// A mask wide enough for any kernel's numbers (CPU_SETSIZE is 1,024).
constexpr size_t kMaskBits = 16384;

class CpuMask {
 public:
  CpuMask() { CPU_ZERO_S(sizeof sets_, sets_); }
  bool ReadFrom(pid_t thread) { return ::sched_getaffinity(thread, sizeof sets_, sets_) == 0; }
  void ApplyHere() const { ::sched_setaffinity(0, sizeof sets_, sets_); }
  bool Has(size_t cpu) const { return CPU_ISSET_S(cpu, sizeof sets_, sets_); }
  void Add(size_t cpu) { CPU_SET_S(cpu, sizeof sets_, sets_); }

 private:
  cpu_set_t sets_[kMaskBits / CPU_SETSIZE];
};

std::vector<size_t> ReadIndices(const std::string& path) {
  const std::optional<std::string> text = ReadSystemFile(path);
  return text ? ParseIndexList(*text).value_or(std::vector<size_t>()) : std::vector<size_t>();
}

bool Holds(const std::vector<size_t>& sorted, size_t value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

std::map<size_t, size_t> NodeOfCpu(const std::string& nodes_folder) {
  std::map<size_t, size_t> node_of;
  for (const size_t node : ReadIndices(nodes_folder + "/online")) {
    for (const size_t cpu :
         ReadIndices(nodes_folder + "/node" + std::to_string(node) + "/cpulist")) {
      node_of[cpu] = node;
    }
  }
  return node_of;
}

size_t CoresAmong(const std::vector<Processor>& processors) {
  std::vector<size_t> cores;
  for (const Processor& p : processors) cores.push_back(p.core);
  std::sort(cores.begin(), cores.end());
  return static_cast<size_t>(std::unique(cores.begin(), cores.end()) - cores.begin());
}

// A processor with its position among the hyper-threads of its core and among those of its node
// that have the same one.
struct Ranked {
  Processor processor;
  size_t hyper_thread;
  size_t turn;
};

std::vector<Ranked> Rank(const std::vector<Processor>& processors) {
  std::map<size_t, size_t> on_core;
  std::map<std::pair<size_t, size_t>, size_t> on_node;
  std::vector<Ranked> ranked;
  for (const Processor& p : processors) {
    const size_t hyper_thread = on_core[p.core]++;
    ranked.push_back({p, hyper_thread, on_node[{p.node, hyper_thread}]++});
  }
  return ranked;
}

// The processors that so many threads use, in the threads' order.
std::vector<Processor> Choose(const std::vector<Processor>& processors, size_t threads) {
  std::vector<Ranked> ranked = Rank(processors);
  const auto by = [&](auto key) {
    std::stable_sort(ranked.begin(), ranked.end(),
                     [&](const Ranked& a, const Ranked& b) { return key(a) < key(b); });
  };
  by([](const Ranked& r) { return std::tuple(r.hyper_thread, r.turn, r.processor.node); });
  ranked.resize(threads);
  by([](const Ranked& r) { return std::tuple(r.processor.node, r.hyper_thread, r.turn); });
  std::vector<Processor> chosen;
  for (const Ranked& r : ranked) chosen.push_back(r.processor);
  return chosen;
}

}  // namespace

std::vector<size_t> AllowedCpus() {
  CpuMask mask;
  std::vector<size_t> cpus;
  if (mask.ReadFrom(::getpid())) {
    for (size_t cpu = 0; cpu < kMaskBits; ++cpu) {
      if (mask.Has(cpu)) cpus.push_back(cpu);
    }
  }
  if (cpus.empty()) {
    cpus.resize(std::max(1u, std::thread::hardware_concurrency()));
    std::iota(cpus.begin(), cpus.end(), size_t{0});
  }
  return cpus;
}

std::vector<Processor> ReadProcessors(const std::vector<size_t>& allowed, const std::string& root) {
  const std::string cpus = root + "/sys/devices/system/cpu";
  const std::vector<size_t> online = ReadIndices(cpus + "/online");
  const std::map<size_t, size_t> node_of = NodeOfCpu(root + "/sys/devices/system/node");
  std::vector<Processor> processors;
  for (const size_t cpu : allowed) {
    if (!online.empty() && !Holds(online, cpu)) continue;
    const std::vector<size_t> siblings =
        ReadIndices(cpus + "/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
    const auto node = node_of.find(cpu);
    processors.push_back({.cpu = cpu,
                          .core = siblings.empty() ? cpu : siblings.front(),
                          .node = node == node_of.end() ? 0 : node->second});
  }
  return processors;
}

size_t UsableProcessors() {
  const size_t processors = ReadProcessors(AllowedCpus()).size();
  const double quota = std::ceil(ReadGroupLimits().processors.value_or(HUGE_VAL));
  return quota < static_cast<double>(processors) ? std::max(size_t{1}, static_cast<size_t>(quota))
                                                 : std::max(size_t{1}, processors);
}

size_t UsableCores() {
  const size_t cores = CoresAmong(ReadProcessors(AllowedCpus()));
  const double quota = std::floor(ReadGroupLimits().processors.value_or(HUGE_VAL));
  return quota < static_cast<double>(cores) ? std::max(size_t{1}, static_cast<size_t>(quota))
                                            : std::max(size_t{1}, cores);
}

std::vector<std::vector<size_t>> PlaceThreads(const std::vector<Processor>& processors,
                                              size_t threads) {
  std::vector<std::vector<size_t>> places(threads);
  if (threads > processors.size()) return places;
  const std::vector<Processor> chosen = Choose(processors, threads);
  const bool fills = threads >= CoresAmong(processors);
  if (!fills && NodesOf(processors).size() == 1) return places;
  for (size_t thread = 0; thread < threads; ++thread) {
    for (const Processor& p : processors) {
      const bool near = fills ? p == chosen[thread] : p.node == chosen[thread].node;
      if (near) places[thread].push_back(p.cpu);
    }
  }
  return places;
}

std::vector<size_t> NodesOf(const std::vector<Processor>& processors) {
  std::vector<size_t> nodes;
  for (const Processor& p : processors) nodes.push_back(p.node);
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

void KeepThisThreadTo(const std::vector<size_t>& cpus) {
  if (cpus.empty()) return;
  CpuMask mask;
  for (const size_t cpu : cpus) mask.Add(cpu);
  mask.ApplyHere();
}

}  // namespace glimmer::base
