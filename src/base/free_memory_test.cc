#include "base/free_memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <string>

#include "base/fake_root.h"

namespace glimmer::base {
namespace {

TEST(OutOfMemory, NamesWhatWasWantedAndTheLimits) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_DATA, &before), 0);
  rlimit limit = before;
  limit.rlim_cur = 500'000'000'000;
  ASSERT_EQ(::setrlimit(RLIMIT_DATA, &limit), 0);
  const std::string known = OutOfMemory(67'108'864).data(), unknown = OutOfMemory(0).data();
  ASSERT_EQ(::setrlimit(RLIMIT_DATA, &before), 0);
  const std::string limits = ", and ulimit -d allows the process 500000.0 MB";
  EXPECT_TRUE(known.starts_with("out of memory: 67.1 MB more were wanted" + limits)) << known;
  EXPECT_TRUE(unknown.starts_with("out of memory" + limits)) << unknown;
}

TEST(GrantedMemory, IsTheMachinesOrTheControlGroups) {
  const FakeRoot root;
  EXPECT_EQ(GrantedMemoryBytes(root.path()), MachineMemoryBytes());
  root.Write("/proc/self/cgroup", "0::/a");
  root.Write("/proc/self/mountinfo",
             "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw");
  root.Write("/sys/fs/cgroup/a/memory.max", "100000000");
  root.Write("/sys/fs/cgroup/a/memory.stat", "anon 3000000\nfile 50000000");
  EXPECT_EQ(GrantedMemoryBytes(root.path()), 97'000'000);
  root.Write("/sys/fs/cgroup/a/memory.max", "9000000000000000000");
  EXPECT_EQ(GrantedMemoryBytes(root.path()), MachineMemoryBytes());
}

}  // namespace
}  // namespace glimmer::base
