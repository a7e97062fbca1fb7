#include "check/sha256_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "check/integrity_rules.h"
#include "quant/output_folder.h"

namespace glimmer::check {
namespace {

using base::Quoted;
using base::Result;
using base::Status;

constexpr uint64_t kMaxListBytes = 64'000'000;
constexpr size_t kHexDigits = 64;

std::string Unescaped(std::string_view name) {
  std::string text;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '\\' && i + 1 < name.size()) {
      ++i;
      text += name[i] == 'n' ? '\n' : name[i] == 'r' ? '\r' : name[i];
    } else {
      text += name[i];
    }
  }
  return text;
}

// Nothing when the line is not of the format.
std::optional<HashedFile> ParseLine(std::string_view line) {
  const bool escaped = line.starts_with('\\');
  if (escaped) line.remove_prefix(1);
  if (line.size() < kHexDigits + 3 || line[kHexDigits] != ' ') return std::nullopt;
  if (line[kHexDigits + 1] != ' ' && line[kHexDigits + 1] != '*') return std::nullopt;
  HashedFile file;
  for (const char c : line.substr(0, kHexDigits)) {
    if (!std::isxdigit(static_cast<unsigned char>(c))) return std::nullopt;
    file.sha256 += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  std::string_view name = line.substr(kHexDigits + 2);
  while (name.starts_with("./")) name.remove_prefix(2);
  file.name = escaped ? Unescaped(name) : std::string(name);
  return file;
}

bool LeadsOut(const std::string& name) {
  const std::filesystem::path path(name);
  if (name.empty() || path.is_absolute()) return true;
  return std::any_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
}

// Regular files below the folder, by their names inside it.
std::set<std::string> FilesBelow(const std::string& folder) {
  std::set<std::string> names;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(folder, error), end;
       !error && entry != end; entry.increment(error)) {
    if (!entry->is_regular_file(error)) continue;
    names.insert(entry->path().lexically_relative(folder).string());
  }
  return names;
}

}  // namespace

Result<std::vector<HashedFile>> ReadSha256List(const std::string& path) {
  GLIMMER_ASSIGN(const std::string text, base::ReadTextFile(path, kMaxListBytes));
  std::vector<HashedFile> list;
  std::set<std::string> names;
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = std::string_view(text).substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    begin = end + 1;
    ++number;
    if (line.empty()) continue;
    const std::optional<HashedFile> file = ParseLine(line);
    const std::string where = fmt::format("{}: line {}", Quoted(path), number);
    if (!file) {
      return base::Corrupt(fmt::format(
          "{}: expected a SHA-256 hash, two spaces and a name, found {}", where, Quoted(line)));
    }
    if (LeadsOut(file->name)) {
      return base::Corrupt(fmt::format("{}: {} is no name inside the checkpoint's folder", where,
                                       Quoted(file->name)));
    }
    if (!names.insert(file->name).second) {
      return base::Corrupt(fmt::format("{}: {} stands twice", where, Quoted(file->name)));
    }
    list.push_back(*file);
  }
  if (list.empty()) return base::Corrupt(Quoted(path) + ": names no file");
  return list;
}

uint64_t ListedBytes(const std::string& folder, const std::vector<HashedFile>& list) {
  uint64_t bytes = 0;
  for (const HashedFile& file : list) {
    std::error_code error;
    const uintmax_t size = std::filesystem::file_size(base::JoinPath(folder, file.name), error);
    if (!error) bytes += size;
  }
  return bytes;
}

Status CompareSha256(const std::string& folder, const std::string& list_path,
                     const std::vector<HashedFile>& list, size_t workers,
                     const base::CancelFlag& cancel, std::atomic<uint64_t>& bytes_done,
                     Findings& findings) {
  std::vector<std::string> found(list.size());  // empty: missing
  GLIMMER_TRY(base::RunJobs(list.size(), workers, [&](size_t i, size_t) -> Status {
    const std::string path = base::JoinPath(folder, list[i].name);
    if (!base::FileExists(path)) return {};
    GLIMMER_ASSIGN(found[i], base::Sha256OfFile(path, cancel, &bytes_done));
    return {};
  }));
  std::set<std::string> extra = FilesBelow(folder);
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string& name = list[i].name;
    extra.erase(name);
    if (found[i] == list[i].sha256) continue;
    findings.Add(integrity::kSha256, name,
                 found[i].empty()
                     ? fmt::format("{} is missing, but the list names it", Quoted(name))
                     : fmt::format("{} has SHA-256 {}, expected {}", Quoted(name), found[i],
                                   list[i].sha256));
  }
  for (const std::string& name : extra) {
    if (name == "report.html" || name == "report.json") continue;  // they hold the date of a run
    if (name == quant::kSumsName) continue;                        // another list of the same
    std::error_code error;
    if (std::filesystem::equivalent(base::JoinPath(folder, name), list_path, error)) continue;
    findings.Add(integrity::kSha256, name,
                 fmt::format("{} is not on the list of hashes", Quoted(name)));
  }
  return {};
}

}  // namespace glimmer::check
