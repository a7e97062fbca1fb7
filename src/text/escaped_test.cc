#include "text/escaped.h"

#include <gtest/gtest.h>

namespace glimmer::text {
namespace {

TEST(Escaped, LeavesWhatCanBeSeen) {
  EXPECT_EQ(Escaped(" The"), " The");
  EXPECT_EQ(Escaped("é 中 🙂 \ufffd"), "é 中 🙂 \ufffd");
  EXPECT_EQ(Escaped(""), "");
}

TEST(Escaped, SpellsWhatCannot) {
  EXPECT_EQ(Escaped("\n\r\t"), R"(\n\r\t)");
  EXPECT_EQ(Escaped(std::string_view("\0\x1b\x7f", 3)), R"(\x00\x1b\x7f)");
  EXPECT_EQ(Escaped("\"\\n\""), R"(\"\\n\")");
  EXPECT_EQ(Escaped("\u0085\u00a0\u200b\u202e\u3000\ue000"),
            R"(\u{85}\u{a0}\u{200b}\u{202e}\u{3000}\u{e000})");
}

TEST(Escaped, SpellsTheBytesOfBrokenCharacters) {
  EXPECT_EQ(Escaped(" \xe4\xb8"), R"( \xe4\xb8)");
  EXPECT_EQ(Escaped("\xad中\xf0\x9f"), R"(\xad中\xf0\x9f)");
  EXPECT_EQ(Escaped("\xed\xa0\x80"), R"(\xed\xa0\x80)");  // a surrogate
}

}  // namespace
}  // namespace glimmer::text
