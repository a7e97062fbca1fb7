#include "chat/jinja/unicode.h"

#include <algorithm>

#include "chat/jinja/unicode_tables.h"

namespace glimmer::chat::jinja {
namespace {

bool Contains(const PointRange* table, size_t count, uint32_t point) {
  const PointRange* end = table + count;
  const PointRange* after = std::upper_bound(
      table, end, point, [](uint32_t p, const PointRange& range) { return p < range.first; });
  if (after == table) return false;
  const PointRange& range = *(after - 1);
  return point <= range.last && (point - range.first) % range.stride == 0;
}

// Appends the mapped point; false when the tables do not mention it.
bool AppendMapped(std::string& out, uint32_t point, const CaseRange* ranges, size_t range_count,
                  const CaseText* texts, size_t text_count) {
  const CaseText* text =
      std::lower_bound(texts, texts + text_count, point,
                       [](const CaseText& entry, uint32_t p) { return entry.point < p; });
  if (text != texts + text_count && text->point == point) {
    out += text->text;
    return true;
  }
  const CaseRange* end = ranges + range_count;
  const CaseRange* after = std::upper_bound(
      ranges, end, point, [](uint32_t p, const CaseRange& range) { return p < range.first; });
  if (after == ranges) return false;
  const CaseRange& range = *(after - 1);
  if (point > range.last || (point - range.first) % range.stride != 0) return false;
  AppendPoint(out, point + range.delta);
  return true;
}

void AppendLower(std::string& out, uint32_t point) {
  if (!AppendMapped(out, point, kToLower, kToLowerCount, kLowerTexts, kLowerTextsCount)) {
    AppendPoint(out, point);
  }
}

void AppendUpper(std::string& out, uint32_t point) {
  if (!AppendMapped(out, point, kToUpper, kToUpperCount, kUpperTexts, kUpperTextsCount)) {
    AppendPoint(out, point);
  }
}

void AppendTitle(std::string& out, uint32_t point) {
  if (AppendMapped(out, point, kToTitle, kToTitleCount, kTitleTexts, kTitleTextsCount)) return;
  AppendUpper(out, point);
}

bool IsCased(uint32_t point) {
  return IsLowercase(point) || IsUppercase(point) || Contains(kTitlecase, kTitlecaseCount, point);
}

size_t SequenceBytes(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Bytes of the valid sequence at `at`, or 0.
size_t ValidSequence(std::string_view bytes, size_t at) {
  const auto lead = static_cast<unsigned char>(bytes[at]);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const size_t length = SequenceBytes(lead);
  if (bytes.size() - at < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(bytes[at + i])) return 0;
  }
  const auto second = static_cast<unsigned char>(bytes[at + 1]);
  if (lead == 0xe0 && second < 0xa0) return 0;  // overlong
  if (lead == 0xed && second > 0x9f) return 0;  // surrogate
  if (lead == 0xf0 && second < 0x90) return 0;  // overlong
  if (lead == 0xf4 && second > 0x8f) return 0;  // beyond U+10FFFF
  return length;
}

}  // namespace

size_t FindInvalidUtf8(std::string_view bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const size_t length = ValidSequence(bytes, at);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

size_t CountPoints(std::string_view text) {
  return text.size() - std::count_if(text.begin(), text.end(), IsContinuation);
}

uint32_t NextPoint(std::string_view text, size_t& offset) {
  const auto lead = static_cast<unsigned char>(text[offset]);
  const size_t length = std::min(SequenceBytes(lead), text.size() - offset);
  if (length == 1) {
    ++offset;
    return lead;
  }
  uint32_t point = lead & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    point = point << 6 | (static_cast<unsigned char>(text[offset + i]) & 0x3f);
  }
  offset += length;
  return point;
}

uint32_t PreviousPoint(std::string_view text, size_t& offset) {
  do {
    --offset;
  } while (offset > 0 && IsContinuation(text[offset]));
  size_t after = offset;
  return NextPoint(text, after);
}

void AppendPoint(std::string& out, uint32_t point) {
  const auto low = [point](int shift) {
    return static_cast<char>(0x80 | ((point >> shift) & 0x3f));
  };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += {static_cast<char>(0xc0 | point >> 6), low(0)};
  } else if (point < 0x10000) {
    out += {static_cast<char>(0xe0 | point >> 12), low(6), low(0)};
  } else {
    out += {static_cast<char>(0xf0 | point >> 18), low(12), low(6), low(0)};
  }
}

size_t OffsetOfPoint(std::string_view text, size_t index) {
  size_t offset = 0;
  while (index > 0 && offset < text.size()) {
    offset += SequenceBytes(static_cast<unsigned char>(text[offset]));
    --index;
  }
  return std::min(offset, text.size());
}

bool IsSpace(uint32_t p) {
  return (p >= 9 && p <= 13) || (p >= 28 && p <= 32) || p == 0x85 || p == 0xa0 || p == 0x1680 ||
         (p >= 0x2000 && p <= 0x200a) || p == 0x2028 || p == 0x2029 || p == 0x202f || p == 0x205f ||
         p == 0x3000;
}

bool IsLineBreak(uint32_t p) {
  return (p >= 10 && p <= 13) || (p >= 0x1c && p <= 0x1e) || p == 0x85 || p == 0x2028 ||
         p == 0x2029;
}

bool IsAlphabetic(uint32_t p) { return Contains(kAlphabetic, kAlphabeticCount, p); }
bool IsDigit(uint32_t p) { return Contains(kDigits, kDigitsCount, p); }
bool IsNumeric(uint32_t p) { return Contains(kNumeric, kNumericCount, p); }
bool IsPrintable(uint32_t p) { return Contains(kPrintable, kPrintableCount, p); }
bool IsLowercase(uint32_t p) { return Contains(kLowercase, kLowercaseCount, p); }
bool IsUppercase(uint32_t p) { return Contains(kUppercase, kUppercaseCount, p); }

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

}  // namespace glimmer::chat::jinja
