// Whether bytes are UTF-8, character by character.
#pragma once

#include <cstddef>
#include <string_view>

namespace glimmer::base {

// What the bytes at the front of a text are. `bytes` is the length of one whole character, or of
// the longest prefix that could have become one (at least 1): the piece that one U+FFFD replaces,
// as Rust's from_utf8_lossy, Python's errors="replace" and the WHATWG decoder do.
struct Utf8Front {
  enum class Kind { kWhole, kInvalid, kCutOff } kind;  // kCutOff: more bytes could complete it
  size_t bytes;
};

// Lowest and highest second byte that may follow a lead byte of a sequence of 3 or 4 bytes:
// narrower where the sequence would be overlong, a surrogate, or beyond U+10FFFF.
struct Utf8SecondByte {
  unsigned char least, most;
};
inline Utf8SecondByte SecondByteOf(unsigned char lead) {
  switch (lead) {
    case 0xe0:
      return {0xa0, 0xbf};
    case 0xed:
      return {0x80, 0x9f};
    case 0xf0:
      return {0x90, 0xbf};
    case 0xf4:
      return {0x80, 0x8f};
    default:
      return {0x80, 0xbf};
  }
}

// REQUIRES: not empty.
inline Utf8Front FrontOf(std::string_view bytes) {
  using Kind = Utf8Front::Kind;
  const auto lead = static_cast<unsigned char>(bytes[0]);
  if (lead < 0x80) return {Kind::kWhole, 1};
  if (lead < 0xc2 || lead > 0xf4) return {Kind::kInvalid, 1};
  const size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  Utf8SecondByte allowed = SecondByteOf(lead);
  for (size_t i = 1; i < length; ++i) {
    if (i == bytes.size()) return {Kind::kCutOff, i};
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (byte < allowed.least || byte > allowed.most) return {Kind::kInvalid, i};
    allowed = {0x80, 0xbf};
  }
  return {Kind::kWhole, length};
}

}  // namespace glimmer::base
