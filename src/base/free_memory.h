// How much memory there is, and how much of it this process could still fill.
// Source: /proc/meminfo (proc_meminfo(5)), base/control_groups.h.
#pragma once

#include <cstdint>
#include <string>

namespace glimmer::base {

// Memory of the machine, in bytes.
uint64_t MachineMemoryBytes();

// What programs and the page cache can have without swapping, the least of what the system
// (MemAvailable) and the control groups leave. Page cache counts as free: it makes room.
// `root`: where /proc and the mounts are found, "" but in tests.
uint64_t FreeMemoryBytes(const std::string& root = "");

}  // namespace glimmer::base
