// Random text for tests: every kind of character that splitting rules tell apart. For tests only.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "unicode/properties.h"
#include "unicode/utf8.h"

namespace glimmer::unicode {

class RandomText {
 public:
  explicit RandomText(uint32_t seed) : random_(seed) {}

  size_t Below(size_t limit) { return random_() % limit; }

  uint32_t Point() {
    static constexpr std::u32string_view kUsual =
        U"aZq  "
        U"\n\r\t'''sStTdDmMlLvVrReEſ09²٣.,!/-_<>\u00a0\u3000\u2028éǅʰªßİ中々〇ー゙ァ゠・あ한\u0301"
        U"\u0903\u20dd\u00ad\u200b\u200d\u180e\ufeff\x00\x1f\u0085🙂€+^𝒜Ⅷ";
    if (Below(8) != 0) return kUsual[Below(kUsual.size())];
    const uint32_t limit = Below(2) == 0 ? 0x3000 : kCodePoints;
    const uint32_t point = static_cast<uint32_t>(Below(limit));
    return point >= 0xd800 && point < 0xe000 ? 'x' : point;
  }

  std::string Text(size_t points) {
    std::string text;
    for (size_t i = 0; i < points; ++i) {
      const uint32_t point = Point();
      const size_t repeats = Below(6) == 0 ? 1 + Below(5) : 1;
      for (size_t k = 0; k < repeats; ++k) AppendUtf8(point, text);
    }
    return text;
  }

  std::string Bytes(size_t count) {
    std::string bytes;
    for (size_t i = 0; i < count; ++i) bytes += static_cast<char>(random_());
    return bytes;
  }

 private:
  std::mt19937 random_;
};

}  // namespace glimmer::unicode
