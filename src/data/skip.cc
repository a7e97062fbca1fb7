#include "data/skip.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "unicode/utf8.h"

namespace glimmer::data {
namespace {

constexpr size_t kExcerptBytes = 80;
constexpr size_t kProblemBytes = 200;

// The beginning of a line, cut between characters, in quotes and safe to print.
std::string Excerpt(std::string_view line) {
  const auto continues = [line](size_t at) {
    return (static_cast<unsigned char>(line[at]) & 0xc0) == 0x80;
  };
  if (line.size() <= kExcerptBytes) return base::Quoted(line);
  size_t end = kExcerptBytes;
  while (end > 0 && continues(end)) --end;
  return base::Quoted(line.substr(0, end)) + "...";
}

}  // namespace

std::string_view NameOf(SkipReason reason) {
  switch (reason) {
    case SkipReason::kNotUtf8:
      return "not UTF-8 text";
    case SkipReason::kNotJson:
      return "not JSON";
    case SkipReason::kNotObject:
      return "no JSON object";
    case SkipReason::kNoField:
      return "without a field to use";
    case SkipReason::kWrongType:
      return "with a field of a wrong type";
    case SkipReason::kRefused:
      return "refused by the chat template or the tokenizer";
    case SkipReason::kNoTokens:
      return "without any token";
  }
  return "";
}

void AddSkip(const Line& line, Skip skip, std::vector<SkippedLines>& skipped) {
  const auto same = [&skip](const SkippedLines& lines) { return lines.reason == skip.reason; };
  auto found = std::find_if(skipped.begin(), skipped.end(), same);
  if (found != skipped.end()) {
    ++found->count;
    return;
  }
  skip.problem.resize(std::min(skip.problem.size(), kProblemBytes));
  skipped.push_back(
      {skip.reason, 1, line.number, unicode::Repaired(skip.problem), Excerpt(line.bytes)});
}

uint64_t CountSkipped(const std::vector<SkippedLines>& skipped) {
  uint64_t count = 0;
  for (const SkippedLines& lines : skipped) count += lines.count;
  return count;
}

std::string Described(const std::vector<SkippedLines>& skipped) {
  std::string out;
  for (const SkippedLines& lines : skipped) {
    out += fmt::format("{}{} line{} {} ({}line {}: {}, in {})", out.empty() ? "" : "; ",
                       base::WithCommas(lines.count), lines.count == 1 ? "" : "s",
                       NameOf(lines.reason), lines.count == 1 ? "" : "first ", lines.first_line,
                       lines.first_problem, lines.first_text);
  }
  return out;
}

std::optional<Skip> EncodingProblem(std::string_view line) {
  const size_t valid = unicode::ValidPrefixBytes(line);
  if (valid < line.size()) {
    return Skip{SkipReason::kNotUtf8,
                fmt::format("byte {} of the line, 0x{:02x}, is not UTF-8", valid + 1,
                            static_cast<unsigned char>(line[valid]))};
  }
  const size_t zero = line.find('\0');
  if (zero == std::string_view::npos) return std::nullopt;
  return Skip{SkipReason::kNotUtf8, fmt::format("byte {} of the line is 0", zero + 1)};
}

}  // namespace glimmer::data
