#include "unicode/python_str.h"

#include <algorithm>
#include <span>

#include "unicode/properties.h"
#include "unicode/utf8.h"

namespace glimmer::unicode {
namespace {

// first, first + stride, ... last.
struct PointRange {
  uint32_t first, last, stride;
};
// Every point of the range becomes itself plus delta.
struct CaseRange {
  uint32_t first, last, stride;
  int32_t delta;
};
// A point that becomes several, as UTF-8.
struct CaseText {
  uint32_t point;
  const char* text;
};

// Sorted by their first member; ranges do not overlap.
#include "unicode/case_data.inc"

constexpr uint32_t kSpaces = CategoryRange(Category::kZs, Category::kZp);
constexpr uint32_t kOthers = CategoryRange(Category::kCn, Category::kCo);

// The range that holds the point, or nullptr.
template <typename Range>
const Range* RangeOf(std::span<const Range> ranges, uint32_t point) {
  const auto after =
      std::upper_bound(ranges.begin(), ranges.end(), point,
                       [](uint32_t p, const Range& range) { return p < range.first; });
  if (after == ranges.begin()) return nullptr;
  const Range& range = *(after - 1);
  const bool holds = point <= range.last && (point - range.first) % range.stride == 0;
  return holds ? &range : nullptr;
}

bool Contains(std::span<const PointRange> ranges, uint32_t point) {
  return RangeOf(ranges, point) != nullptr;
}

// Appends what the point becomes; false when the tables do not mention it.
bool AppendMapped(std::string& out, uint32_t point, std::span<const CaseRange> ranges,
                  std::span<const CaseText> texts) {
  const auto text =
      std::lower_bound(texts.begin(), texts.end(), point,
                       [](const CaseText& entry, uint32_t p) { return entry.point < p; });
  if (text != texts.end() && text->point == point) {
    out += text->text;
    return true;
  }
  const CaseRange* range = RangeOf(ranges, point);
  if (range != nullptr) AppendUtf8(point + static_cast<uint32_t>(range->delta), out);
  return range != nullptr;
}

void AppendLower(std::string& out, uint32_t point) {
  if (!AppendMapped(out, point, kToLower, kLowerTexts)) AppendUtf8(point, out);
}

void AppendUpper(std::string& out, uint32_t point) {
  if (!AppendMapped(out, point, kToUpper, kUpperTexts)) AppendUtf8(point, out);
}

void AppendTitle(std::string& out, uint32_t point) {
  if (!AppendMapped(out, point, kToTitle, kTitleTexts)) AppendUpper(out, point);
}

bool IsCased(uint32_t point) {
  constexpr uint32_t kTitlecase = CategorySet({Category::kLt});
  return IsLowercase(point) || IsUppercase(point) || IsIn(kTitlecase, Properties()[point]);
}

}  // namespace

bool IsSpace(uint32_t p) {
  return (p >= 9 && p <= 13) || (p >= 28 && p <= 32) || p == 0x85 || p == 0xa0 || p == 0x1680 ||
         (p >= 0x2000 && p <= 0x200a) || p == 0x2028 || p == 0x2029 || p == 0x202f || p == 0x205f ||
         p == 0x3000;
}

bool IsLineBreak(uint32_t p) {
  return (p >= 10 && p <= 13) || (p >= 0x1c && p <= 0x1e) || p == 0x85 || p == 0x2028 ||
         p == 0x2029;
}

bool IsAlphabetic(uint32_t p) { return IsIn(kLetters, Properties()[p]); }
bool IsDigit(uint32_t p) { return Contains(kDigits, p); }
bool IsNumeric(uint32_t p) { return Contains(kNumeric, p); }
bool IsPrintable(uint32_t p) { return p == ' ' || !IsIn(kSpaces | kOthers, Properties()[p]); }
bool IsLowercase(uint32_t p) { return Contains(kLowercase, p); }
bool IsUppercase(uint32_t p) { return Contains(kUppercase, p); }

std::string ToLower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) AppendLower(out, NextPoint(text, at));
  return out;
}

std::string ToUpper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) AppendUpper(out, NextPoint(text, at));
  return out;
}

std::string ToTitle(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const uint32_t point = NextPoint(text, at);
    in_word ? AppendLower(out, point) : AppendTitle(out, point);
    in_word = IsCased(point);
  }
  return out;
}

std::string Capitalized(std::string_view text) {
  std::string out;
  if (text.empty()) return out;
  size_t at = 0;
  AppendTitle(out, NextPoint(text, at));
  return out + ToLower(text.substr(at));
}

std::string_view TrimLeft(std::string_view text) { return Trim(text, Ends::kLeft); }
std::string_view TrimRight(std::string_view text) { return Trim(text, Ends::kRight); }

namespace {

template <typename Drops>
std::string_view TrimWhere(std::string_view text, Ends ends, Drops drops) {
  size_t first = 0;
  while (ends != Ends::kRight && first < text.size()) {
    size_t after = first;
    if (!drops(NextPoint(text, after))) break;
    first = after;
  }
  text.remove_prefix(first);
  size_t last = text.size();
  while (ends != Ends::kLeft && last > 0) {
    size_t before = last;
    if (!drops(PreviousPoint(text, before))) break;
    last = before;
  }
  return text.substr(0, last);
}

}  // namespace

std::string_view Trim(std::string_view text, Ends ends) { return TrimWhere(text, ends, IsSpace); }

std::string_view TrimPoints(std::string_view text, std::string_view points, Ends ends) {
  std::vector<uint32_t> dropped;
  for (size_t at = 0; at < points.size();) dropped.push_back(NextPoint(points, at));
  std::sort(dropped.begin(), dropped.end());
  return TrimWhere(text, ends, [&dropped](uint32_t point) {
    return std::binary_search(dropped.begin(), dropped.end(), point);
  });
}

std::vector<std::string_view> LinesOf(std::string_view text, LineEnds ends) {
  std::vector<std::string_view> lines;
  size_t start = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = at;
    const uint32_t point = NextPoint(text, at);
    if (!IsLineBreak(point)) continue;
    if (point == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(start, (ends == LineEnds::kKept ? at : end) - start));
    start = at;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

}  // namespace glimmer::unicode
