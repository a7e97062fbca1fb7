#include "base/free_memory.h"

#include <unistd.h>

#include <algorithm>

#include "base/control_groups.h"
#include "base/system_files.h"

namespace glimmer::base {
namespace {

// The line "MemAvailable:   23456 kB".
std::optional<uint64_t> MemAvailableBytes(const std::string& root) {
  const std::string text = ReadSystemFile(root + "/proc/meminfo").value_or("");
  for (std::string_view line : SplitAt(text, '\n')) {
    if (!line.starts_with("MemAvailable:") || !line.ends_with(" kB")) continue;
    line.remove_suffix(3);
    const std::optional<uint64_t> kib = ParseCount(line.substr(line.rfind(' ') + 1));
    if (kib) return *kib * 1024;
  }
  return std::nullopt;
}

}  // namespace

uint64_t MachineMemoryBytes() {
  return static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

uint64_t FreeMemoryBytes(const std::string& root) {
  const uint64_t available = MemAvailableBytes(root).value_or(MachineMemoryBytes());
  return std::min(available, ReadGroupLimits(root).free_memory_bytes.value_or(available));
}

}  // namespace glimmer::base
