#include "base/processors.h"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>

#include "base/fake_root.h"

namespace glimmer::base {
namespace {

using Cpus = std::vector<size_t>;
using Places = std::vector<Cpus>;

class FakeSystem {
 public:
  void Write(const std::string& name, const std::string& text) const {
    root_.Write("/sys/devices/system/" + name, text);
  }
  void Core(const Cpus& hyper_threads, const std::string& list) const {
    for (const size_t cpu : hyper_threads) {
      Write("cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list", list);
    }
  }
  const std::string& root() const { return root_.path(); }

 private:
  FakeRoot root_;
};

Cpus UpTo(size_t count) {
  Cpus cpus(count);
  std::iota(cpus.begin(), cpus.end(), size_t{0});
  return cpus;
}

// Four cores with two hyper-threads each, the second ones numbered last, on two nodes.
std::unique_ptr<FakeSystem> TwoNodes() {
  auto system = std::make_unique<FakeSystem>();
  system->Write("cpu/online", "0-7");
  for (size_t core = 0; core < 4; ++core) {
    system->Core({core, core + 4}, std::to_string(core) + "," + std::to_string(core + 4));
  }
  system->Write("node/online", "0-1");
  system->Write("node/node0/cpulist", "0-1,4-5");
  system->Write("node/node1/cpulist", "2-3,6-7");
  return system;
}

TEST(Processors, WithoutSysEachIsACoreOnOneNode) {
  const FakeSystem system;
  EXPECT_EQ(ReadProcessors({3, 5}, system.root()), (std::vector<Processor>{{3, 3, 0}, {5, 5, 0}}));
}

TEST(Processors, HyperThreadsShareTheLowestNumber) {
  const FakeSystem system;
  system.Core({0, 1}, "0-1");
  system.Core({2, 3}, "2-3");
  EXPECT_EQ(ReadProcessors(UpTo(4), system.root()),
            (std::vector<Processor>{{0, 0, 0}, {1, 0, 0}, {2, 2, 0}, {3, 2, 0}}));
}

TEST(Processors, OfflineOnesAndForbiddenOnesAreLeftOut) {
  const FakeSystem system;
  system.Write("cpu/online", "0,2-3,130");
  EXPECT_EQ(ReadProcessors({1, 2, 130}, system.root()),
            (std::vector<Processor>{{2, 2, 0}, {130, 130, 0}}));
}

TEST(Processors, NodesMayBeNumberedSparsely) {
  const FakeSystem system;
  system.Write("node/online", "0,8");
  system.Write("node/node0/cpulist", "0-1");
  system.Write("node/node8/cpulist", "64");
  const auto processors = ReadProcessors({0, 1, 64}, system.root());
  EXPECT_EQ(processors, (std::vector<Processor>{{0, 0, 0}, {1, 1, 0}, {64, 64, 8}}));
  EXPECT_EQ(NodesOf(processors), (Cpus{0, 8}));
}

TEST(Processors, DamagedFilesCountAsAbsent) {
  const FakeSystem system;
  system.Write("cpu/online", "0-");
  system.Write("node/online", "-3");
  system.Core({0}, "x");
  EXPECT_EQ(ReadProcessors({0}, system.root()), (std::vector<Processor>{{0, 0, 0}}));
}

TEST(Processors, OfThisProcessThereAreSome) {
  EXPECT_GE(AllowedCpus().size(), 1u);
  EXPECT_GE(UsableCores(), 1u);
  EXPECT_LE(UsableCores(), UsableProcessors());
  EXPECT_LE(UsableProcessors(), AllowedCpus().size());
}

TEST(PlaceThreads, OneForEachCoreOfOneNode) {
  EXPECT_EQ(PlaceThreads(ReadProcessors(UpTo(3), "/nowhere"), 3), (Places{{0}, {1}, {2}}));
}

TEST(PlaceThreads, SecondHyperThreadsComeLast) {
  const FakeSystem system;
  system.Core({0, 1}, "0-1");
  system.Core({2, 3}, "2-3");
  const auto processors = ReadProcessors(UpTo(4), system.root());
  EXPECT_EQ(PlaceThreads(processors, 2), (Places{{0}, {2}}));
  EXPECT_EQ(PlaceThreads(processors, 3), (Places{{0}, {2}, {1}}));
  EXPECT_EQ(PlaceThreads(processors, 4), (Places{{0}, {2}, {1}, {3}}));
}

TEST(PlaceThreads, APoolSmallerThanTheMachineIsFreeOnOneNode) {
  EXPECT_EQ(PlaceThreads(ReadProcessors(UpTo(4), "/nowhere"), 3), (Places{{}, {}, {}}));
}

TEST(PlaceThreads, MoreThreadsThanProcessorsAreFree) {
  EXPECT_EQ(PlaceThreads(ReadProcessors(UpTo(2), "/nowhere"), 3), (Places{{}, {}, {}}));
}

TEST(PlaceThreads, NodesGetThreadsEvenlyAndInOrder) {
  const auto system = TwoNodes();
  const auto processors = ReadProcessors(UpTo(8), system->root());
  EXPECT_EQ(PlaceThreads(processors, 4), (Places{{0}, {1}, {2}, {3}}));
  EXPECT_EQ(PlaceThreads(processors, 6), (Places{{0}, {1}, {4}, {2}, {3}, {6}}));
  EXPECT_EQ(PlaceThreads(processors, 8), (Places{{0}, {1}, {4}, {5}, {2}, {3}, {6}, {7}}));
}

TEST(PlaceThreads, APoolSmallerThanTheMachineIsKeptToNodes) {
  const auto system = TwoNodes();
  const Cpus first = {0, 1, 4, 5}, second = {2, 3, 6, 7};
  EXPECT_EQ(PlaceThreads(ReadProcessors(UpTo(8), system->root()), 3),
            (Places{first, first, second}));
}

TEST(PlaceThreads, ARestrictedMaskCounts) {
  const auto system = TwoNodes();
  // Three processors on three cores, two of them on node 1.
  EXPECT_EQ(PlaceThreads(ReadProcessors({2, 5, 7}, system->root()), 3), (Places{{5}, {2}, {7}}));
}

TEST(PlaceThreads, NodesOfDifferentSizesAreFilled) {
  const FakeSystem system;
  system.Write("node/online", "0-1");
  system.Write("node/node0/cpulist", "0");
  system.Write("node/node1/cpulist", "1-3");
  EXPECT_EQ(PlaceThreads(ReadProcessors(UpTo(4), system.root()), 4), (Places{{0}, {1}, {2}, {3}}));
}

}  // namespace
}  // namespace glimmer::base
