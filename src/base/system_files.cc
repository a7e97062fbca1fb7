#include "base/system_files.h"

#include <algorithm>
#include <charconv>
#include <fstream>

namespace glimmer::base {
namespace {

constexpr uint64_t kLargestIndex = uint64_t{1} << 20;

}  // namespace

std::optional<std::string> ReadSystemFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::string text;
  std::getline(file, text, '\0');
  if (file.bad()) return std::nullopt;
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::optional<uint64_t> ParseCount(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::vector<size_t>> ParseIndexList(std::string_view text) {
  std::vector<size_t> indices;
  if (text.empty()) return indices;
  for (const std::string_view part : SplitAt(text, ',')) {
    const size_t dash = part.find('-');
    const std::optional<uint64_t> first = ParseCount(part.substr(0, dash));
    const std::optional<uint64_t> last =
        dash == std::string_view::npos ? first : ParseCount(part.substr(dash + 1));
    if (!first || !last || *first > *last || *last > kLargestIndex) return std::nullopt;
    for (uint64_t index = *first; index <= *last; ++index) indices.push_back(index);
  }
  std::sort(indices.begin(), indices.end());
  indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
  return indices;
}

std::vector<std::string_view> SplitAt(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace glimmer::base
