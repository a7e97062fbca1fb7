// What the control groups of this process (cgroups, versions 1 and 2) let it have: a container's
// share of a machine that /proc shows whole.
// Source: Linux, Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst; proc_pid_mountinfo(5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace glimmer::base {

struct GroupLimits {
  // Processor time in processors, 1.5 for one and a half; absent without a quota.
  std::optional<double> processors;
  // What the strictest memory limit leaves beside anonymous and shared memory that is in use. The
  // page cache is not counted as used: it makes room.
  std::optional<uint64_t> free_memory_bytes;
};

// The strictest limits of the process's own groups and of all above them that can be seen.
// `root`: where /proc and the mounts are found, "" but in tests.
GroupLimits ReadGroupLimits(const std::string& root = "");

}  // namespace glimmer::base
