#include "data/line_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace glimmer::data {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

Line LineReader::Taken() {
  ++number_;
  std::string_view bytes = line_;
  if (bytes.ends_with('\r')) bytes.remove_suffix(1);
  if (number_ == 1 && bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(3);
  return {number_, bytes};
}

base::Result<std::optional<Line>> LineReader::Next() {
  line_.clear();
  while (true) {
    if (piece_.empty()) {
      GLIMMER_ASSIGN(piece_, stream_.Next());
    }
    if (piece_.empty()) {
      if (line_.empty()) return std::optional<Line>();
      return std::optional<Line>(Taken());
    }
    const size_t end = std::min(piece_.find('\n'), piece_.size());
    if (line_.size() + end > kMaxLineBytes) {
      return base::Exhausted(fmt::format("{}: line {} is longer than {} bytes (kMaxLineBytes)",
                                         base::Quoted(name()), number_ + 1,
                                         base::WithCommas(kMaxLineBytes)));
    }
    line_ += piece_.substr(0, end);
    const bool complete = end < piece_.size();
    piece_.remove_prefix(complete ? end + 1 : end);
    if (complete) return std::optional<Line>(Taken());
  }
}

}  // namespace glimmer::data
