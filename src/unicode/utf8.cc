#include "unicode/utf8.h"

#include <algorithm>
#include <cstring>

namespace glimmer::unicode {
namespace {

constexpr uint64_t kHighBits = 0x8080808080808080;

size_t AsciiPrefixBytes(std::string_view bytes) {
  size_t at = 0;
  for (uint64_t eight; at + sizeof(eight) <= bytes.size(); at += sizeof(eight)) {
    std::memcpy(&eight, bytes.data() + at, sizeof(eight));
    if ((eight & kHighBits) != 0) break;
  }
  while (at < bytes.size() && static_cast<unsigned char>(bytes[at]) < 0x80) ++at;
  return at;
}

}  // namespace

CodePoint DecodeLast(std::string_view utf8) {
  size_t at = utf8.size() - 1;
  while ((static_cast<unsigned char>(utf8[at]) & 0xc0) == 0x80) --at;
  return DecodeAt(utf8.data() + at);
}

bool IsAscii(std::string_view text) { return AsciiPrefixBytes(text) == text.size(); }

size_t CountPoints(std::string_view text) {
  const auto starts = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), starts));
}

size_t OffsetOfPoint(std::string_view text, size_t index) {
  size_t offset = 0;
  for (; index > 0 && offset < text.size(); --index) NextPoint(text, offset);
  return offset;
}

void AppendUtf8(uint32_t code_point, std::string& out) {
  const auto tail = [&](int shift) {
    out += static_cast<char>(0x80 | ((code_point >> shift) & 0x3f));
  };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xc0 | (code_point >> 6));
    tail(0);
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xe0 | (code_point >> 12));
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xf0 | (code_point >> 18));
    tail(12), tail(6), tail(0);
  }
}

size_t ValidPrefixBytes(std::string_view bytes) {
  size_t at = 0;
  while (true) {
    at += AsciiPrefixBytes(bytes.substr(at));
    while (at < bytes.size() && static_cast<unsigned char>(bytes[at]) >= 0x80) {
      const Utf8Front front = FrontOf(bytes.substr(at));
      if (front.kind != Utf8Front::Kind::kWhole) return at;
      at += front.bytes;
    }
    if (at == bytes.size()) return at;
  }
}

std::string Repaired(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const size_t valid = ValidPrefixBytes(bytes);
    out += bytes.substr(0, valid);
    bytes.remove_prefix(valid);
    if (bytes.empty()) break;
    out += kReplacement;
    bytes.remove_prefix(FrontOf(bytes).bytes);
  }
  return out;
}

}  // namespace glimmer::unicode
