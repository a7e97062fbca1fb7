// How much memory there is, and how much of it this process could still fill.
// Source: /proc/meminfo (proc_meminfo(5)), base/control_groups.h.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace glimmer::base {

// Memory of the machine, in bytes.
uint64_t MachineMemoryBytes();
// Of it what the control groups leave this process, whatever other programs have.
// `root`: where /proc and the mounts are found, "" but in tests.
uint64_t GrantedMemoryBytes(const std::string& root = "");

// What programs and the page cache can have without swapping, the least of what the system
// (MemAvailable) and the control groups leave. Page cache counts as free: it makes room.
// `root`: where /proc and the mounts are found, "" but in tests.
uint64_t FreeMemoryBytes(const std::string& root = "");

// "out of memory: 67.1 MB more were wanted, and ulimit -d allows the process 200.0 MB": how many
// bytes could not be had, and the limits (of data, of addresses) that the process has. Allocates
// nothing; the sentence ends in a zero byte. `wanted_bytes` 0: not known.
using MemorySentence = std::array<char, 200>;
MemorySentence OutOfMemory(uint64_t wanted_bytes);

}  // namespace glimmer::base
