#include "base/free_memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

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

// Appends to what stands in `text` up to a zero byte.
template <typename... Values>
void Append(MemorySentence& text, const char* format, Values... values) {
  const size_t used = std::strlen(text.data());
  std::snprintf(text.data() + used, text.size() - used, format, values...);
}

void AppendLimit(MemorySentence& text, int resource, const char* option) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  Append(text, ", and ulimit %s allows the process %.1f MB", option,
         static_cast<double>(limit.rlim_cur) / 1e6);
}

// Of so many bytes what the control groups leave.
uint64_t WithinGroups(uint64_t bytes, const std::string& root) {
  return std::min(bytes, ReadGroupLimits(root).free_memory_bytes.value_or(bytes));
}

}  // namespace

MemorySentence OutOfMemory(uint64_t wanted_bytes) {
  MemorySentence text{};
  Append(text, "out of memory");
  if (wanted_bytes > 0) {
    Append(text, ": %.1f MB more were wanted", static_cast<double>(wanted_bytes) / 1e6);
  }
  AppendLimit(text, RLIMIT_DATA, "-d");
  AppendLimit(text, RLIMIT_AS, "-v");
  return text;
}

uint64_t MachineMemoryBytes() {
  return static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

uint64_t GrantedMemoryBytes(const std::string& root) {
  return WithinGroups(MachineMemoryBytes(), root);
}

uint64_t FreeMemoryBytes(const std::string& root) {
  return WithinGroups(MemAvailableBytes(root).value_or(MachineMemoryBytes()), root);
}

}  // namespace glimmer::base
