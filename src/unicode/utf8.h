// UTF-8: walking, counting and making code points in text that is known to be valid, repair of
// text that is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace glimmer::unicode {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

struct CodePoint {
  uint32_t value;
  uint32_t bytes;
};

// REQUIRES: `at` points to the first byte of a valid sequence.
inline CodePoint DecodeAt(const char* at) {
  const auto byte = [at](int i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(at[i]));
  };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xe0) return {(lead & 0x1f) << 6 | (byte(1) & 0x3f), 2};
  if (lead < 0xf0) return {(lead & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f), 3};
  return {(lead & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f),
          4};
}

// The last code point of valid text that is not empty.
CodePoint DecodeLast(std::string_view utf8);

// The code point that starts at `offset`; `offset` moves behind it. REQUIRES: valid text,
// offset < text.size().
inline uint32_t NextPoint(std::string_view text, size_t& offset) {
  const CodePoint point = DecodeAt(text.data() + offset);
  offset += point.bytes;
  return point.value;
}
// The code point that ends before `offset`; `offset` moves to its start. REQUIRES: valid text,
// offset > 0.
inline uint32_t PreviousPoint(std::string_view text, size_t& offset) {
  const CodePoint point = DecodeLast(text.substr(0, offset));
  offset -= point.bytes;
  return point.value;
}

bool IsAscii(std::string_view text);
// REQUIRES: valid text.
size_t CountPoints(std::string_view text);
// Byte offset of the code point number `index`, or the size when there are fewer.
// REQUIRES: valid text.
size_t OffsetOfPoint(std::string_view text, size_t index);

// REQUIRES: code_point <= 0x10ffff and no surrogate.
void AppendUtf8(uint32_t code_point, std::string& out);

// What the bytes at the front of a text are: base/utf8.h.
using base::FrontOf;
using base::Utf8Front;

// Length of the longest prefix that is valid UTF-8.
size_t ValidPrefixBytes(std::string_view bytes);

// The text with each invalid piece replaced by U+FFFD.
std::string Repaired(std::string_view bytes);

}  // namespace glimmer::unicode
