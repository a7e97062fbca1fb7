#include "base/control_groups.h"

#include <gtest/gtest.h>

#include "base/fake_root.h"
#include "base/free_memory.h"

namespace glimmer::base {
namespace {

constexpr uint64_t kGib = uint64_t{1} << 30;

std::string Gib(uint64_t count) { return std::to_string(count * kGib); }

// Version 2, the process in /a/b.
void WriteUnified(const FakeRoot& root) {
  root.Write("/proc/self/cgroup", "0::/a/b");
  root.Write("/proc/self/mountinfo",
             "22 1 0:5 / /proc rw - proc proc rw\n"
             "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate");
}

// Version 1, seen from a container that is not told where it is: both know the group as /pod/c.
void WriteVersionOne(const FakeRoot& root, const std::string& top) {
  root.Write("/proc/self/cgroup", "5:cpuset:/\n4:cpu,cpuacct:/pod/c\n3:memory:/pod/c\n0::/");
  root.Write("/proc/self/mountinfo",
             "31 23 0:28 " + top + " /cg/cpu rw master:9 - cgroup cgroup rw,cpu,cpuacct\n" +
                 "32 23 0:29 " + top + " /cg/memory rw - cgroup cgroup rw,memory");
}

TEST(ControlGroups, NoneIsNoLimit) {
  const FakeRoot root;
  EXPECT_EQ(ReadGroupLimits(root.path()).processors, std::nullopt);
  EXPECT_EQ(ReadGroupLimits(root.path()).free_memory_bytes, std::nullopt);
  WriteUnified(root);
  root.Write("/sys/fs/cgroup/a/b/cpu.max", "max 100000");
  root.Write("/sys/fs/cgroup/a/b/memory.max", "max");
  EXPECT_EQ(ReadGroupLimits(root.path()).processors, std::nullopt);
  EXPECT_EQ(ReadGroupLimits(root.path()).free_memory_bytes, std::nullopt);
}

TEST(ControlGroups, TheStrictestOfTheGroupsAboveCounts) {
  const FakeRoot root;
  WriteUnified(root);
  root.Write("/sys/fs/cgroup/a/b/cpu.max", "400000 100000");
  root.Write("/sys/fs/cgroup/a/cpu.max", "150000 100000");
  root.Write("/sys/fs/cgroup/a/b/memory.max", Gib(8));
  root.Write("/sys/fs/cgroup/a/b/memory.stat", "anon " + Gib(1) + "\nfile " + Gib(5));
  root.Write("/sys/fs/cgroup/a/memory.max", Gib(16));
  root.Write("/sys/fs/cgroup/a/memory.high", Gib(9));
  root.Write("/sys/fs/cgroup/a/memory.stat", "anon " + Gib(2) + "\nshmem " + Gib(3));
  EXPECT_EQ(ReadGroupLimits(root.path()).processors, 1.5);
  EXPECT_EQ(ReadGroupLimits(root.path()).free_memory_bytes, 4 * kGib);
}

TEST(ControlGroups, VersionOne) {
  for (const bool container : {false, true}) {
    const FakeRoot root;
    WriteVersionOne(root, container ? "/pod/c" : "/");
    const std::string group = container ? "" : "/pod/c";
    root.Write("/cg/cpu" + group + "/cpu.cfs_quota_us", "250000");
    root.Write("/cg/cpu" + group + "/cpu.cfs_period_us", "100000");
    root.Write("/cg/memory" + group + "/memory.limit_in_bytes", Gib(4));
    root.Write("/cg/memory" + group + "/memory.stat",
               "rss 5\ntotal_rss " + Gib(1) + "\ntotal_cache " + Gib(3));
    EXPECT_EQ(ReadGroupLimits(root.path()).processors, 2.5);
    EXPECT_EQ(ReadGroupLimits(root.path()).free_memory_bytes, 3 * kGib);
    root.Write("/cg/cpu" + group + "/cpu.cfs_quota_us", "-1");
    EXPECT_EQ(ReadGroupLimits(root.path()).processors, std::nullopt);
  }
}

TEST(ControlGroups, MoreUsedThanAllowedLeavesNothing) {
  const FakeRoot root;
  WriteUnified(root);
  root.Write("/sys/fs/cgroup/a/memory.max", Gib(1));
  root.Write("/sys/fs/cgroup/a/memory.stat", "anon " + Gib(2));
  EXPECT_EQ(ReadGroupLimits(root.path()).free_memory_bytes, 0u);
}

TEST(FreeMemory, IsTheLeastOfSystemAndGroups) {
  const FakeRoot root;
  EXPECT_EQ(FreeMemoryBytes(root.path()), MachineMemoryBytes());
  root.Write("/proc/meminfo", "MemTotal:       9000 kB\nMemAvailable:    3145728 kB\nX: 1 kB");
  EXPECT_EQ(FreeMemoryBytes(root.path()), 3 * kGib);
  WriteUnified(root);
  root.Write("/sys/fs/cgroup/memory.max", Gib(2));
  EXPECT_EQ(FreeMemoryBytes(root.path()), 2 * kGib);
  root.Write("/sys/fs/cgroup/memory.max", Gib(5));
  EXPECT_EQ(FreeMemoryBytes(root.path()), 3 * kGib);
}

}  // namespace
}  // namespace glimmer::base
