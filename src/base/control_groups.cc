#include "base/control_groups.h"

#include <algorithm>
#include <vector>

#include "base/system_files.h"

namespace glimmer::base {
namespace {

enum class Version { kOne, kTwo };

// The process's group of one controller and the groups above it, innermost first.
struct Groups {
  Version version = Version::kTwo;
  std::vector<std::string> folders;
};

bool Contains(std::string_view list, std::string_view word) {
  const std::vector<std::string_view> words = SplitAt(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// A line of /proc/self/cgroup, "4:cpu,cpuacct:/a/b" or "0::/a/b".
struct Membership {
  Version version;
  std::string path;
};

std::optional<Membership> MembershipOf(const std::string& root, std::string_view controller) {
  const std::optional<std::string> text = ReadSystemFile(root + "/proc/self/cgroup");
  if (!text) return std::nullopt;
  std::optional<Membership> unified;
  for (const std::string_view line : SplitAt(*text, '\n')) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1));
    if (Contains(controllers, controller)) return Membership{Version::kOne, path};
    if (controllers.empty()) unified = Membership{Version::kTwo, path};
  }
  return unified;
}

// A mounted hierarchy: the group that its top shows, and where.
struct Mount {
  std::string top;
  std::string point;
};

// A line of mountinfo: "31 23 0:28 TOP POINT options... - TYPE source super,options".
std::optional<Mount> MountOf(const std::string& root, Version version,
                             std::string_view controller) {
  const std::optional<std::string> text = ReadSystemFile(root + "/proc/self/mountinfo");
  if (!text) return std::nullopt;
  for (const std::string_view line : SplitAt(*text, '\n')) {
    const std::vector<std::string_view> fields = SplitAt(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (dash - fields.begin() < 5 || fields.end() - dash < 4) continue;
    const bool right = version == Version::kTwo
                           ? dash[1] == "cgroup2"
                           : dash[1] == "cgroup" && Contains(dash[3], controller);
    if (right) return Mount{std::string(fields[3]), std::string(fields[4])};
  }
  return std::nullopt;
}

// The group's path below the mount's top. A path outside it, as a container may see, is the top.
std::string Below(const std::string& path, const std::string& top) {
  if (top == "/") return path == "/" ? "" : path;
  const bool inside =
      path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
  return inside ? path.substr(top.size()) : "";
}

Groups GroupsOf(const std::string& root, std::string_view controller) {
  const std::optional<Membership> membership = MembershipOf(root, controller);
  if (!membership) return {};
  const std::optional<Mount> mount = MountOf(root, membership->version, controller);
  if (!mount) return {};
  Groups groups = {membership->version, {}};
  std::string below = Below(membership->path, mount->top);
  while (!below.empty()) {
    groups.folders.push_back(root + mount->point + below);
    below.erase(below.rfind('/'));
  }
  groups.folders.push_back(root + mount->point);
  return groups;
}

// "max", "-1" and files that are absent (in the topmost group) are no limit.
std::optional<uint64_t> ReadCount(const std::string& path) {
  const std::optional<std::string> text = ReadSystemFile(path);
  return text ? ParseCount(*text) : std::nullopt;
}

std::optional<double> Quota(Version version, const std::string& folder) {
  std::optional<uint64_t> quota, period;
  if (version == Version::kTwo) {
    const std::string text = ReadSystemFile(folder + "/cpu.max").value_or("");
    const std::vector<std::string_view> fields = SplitAt(text, ' ');
    quota = ParseCount(fields[0]);
    if (fields.size() == 2) period = ParseCount(fields[1]);
  } else {
    quota = ReadCount(folder + "/cpu.cfs_quota_us");
    period = ReadCount(folder + "/cpu.cfs_period_us");
  }
  if (!quota || !period || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

// Anonymous and shared memory of the group and those below it, from lines "name bytes".
uint64_t UsedMemory(Version version, const std::string& folder) {
  const std::string text = ReadSystemFile(folder + "/memory.stat").value_or("");
  uint64_t used = 0;
  for (const std::string_view line : SplitAt(text, '\n')) {
    const std::vector<std::string_view> fields = SplitAt(line, ' ');
    const bool counts = version == Version::kTwo
                            ? fields[0] == "anon" || fields[0] == "shmem"
                            : fields[0] == "total_rss" || fields[0] == "total_shmem";
    if (counts && fields.size() == 2) used += ParseCount(fields[1]).value_or(0);
  }
  return used;
}

std::optional<uint64_t> FreeMemory(Version version, const std::string& folder) {
  std::optional<uint64_t> limit;
  const auto names = version == Version::kTwo
                         ? std::vector<const char*>{"/memory.max", "/memory.high"}
                         : std::vector<const char*>{"/memory.limit_in_bytes"};
  for (const char* name : names) {
    const std::optional<uint64_t> bytes = ReadCount(folder + name);
    if (bytes) limit = std::min(limit.value_or(*bytes), *bytes);
  }
  if (!limit) return std::nullopt;
  return *limit - std::min(*limit, UsedMemory(version, folder));
}

// The least of what `read` finds in the groups.
template <typename Value>
std::optional<Value> Strictest(const Groups& groups,
                               std::optional<Value> (*read)(Version, const std::string&)) {
  std::optional<Value> least;
  for (const std::string& folder : groups.folders) {
    const std::optional<Value> value = read(groups.version, folder);
    if (value) least = std::min(least.value_or(*value), *value);
  }
  return least;
}

}  // namespace

GroupLimits ReadGroupLimits(const std::string& root) {
  return {.processors = Strictest(GroupsOf(root, "cpu"), Quota),
          .free_memory_bytes = Strictest(GroupsOf(root, "memory"), FreeMemory)};
}

}  // namespace glimmer::base
