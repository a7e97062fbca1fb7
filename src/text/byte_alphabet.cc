#include "text/byte_alphabet.h"

#include <array>
#include <cstdint>

#include "unicode/utf8.h"

namespace glimmer::text {
namespace {

using unicode::CodePoint;
using unicode::DecodeAt;

constexpr uint32_t kAlphabetEnd = 0x144;
constexpr int16_t kNoByte = -1;

constexpr bool StandsForItself(uint32_t byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

constexpr std::array<int16_t, kAlphabetEnd> MakeByteOfCharacter() {
  std::array<int16_t, kAlphabetEnd> table{};
  table.fill(kNoByte);
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    table[StandsForItself(byte) ? byte : next++] = static_cast<int16_t>(byte);
  }
  return table;
}
constexpr std::array<int16_t, kAlphabetEnd> kByteOfCharacter = MakeByteOfCharacter();

}  // namespace

bool AppendAlphabetBytes(std::string_view spelling, std::string& bytes) {
  const size_t before = bytes.size();
  bytes.resize(before + spelling.size());
  char* out = bytes.data() + before;
  const char* const end = spelling.data() + spelling.size();
  for (const char* at = spelling.data(); at < end;) {
    const CodePoint point = DecodeAt(at);
    if (point.value >= kAlphabetEnd || kByteOfCharacter[point.value] == kNoByte) return false;
    *out++ = static_cast<char>(kByteOfCharacter[point.value]);
    at += point.bytes;
  }
  bytes.resize(static_cast<size_t>(out - bytes.data()));
  return true;
}

std::string DecodedSpelling(std::string_view spelling) {
  std::string bytes;
  return AppendAlphabetBytes(spelling, bytes) ? bytes : std::string(spelling);
}

}  // namespace glimmer::text
