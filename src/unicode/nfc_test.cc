#include "unicode/nfc.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "unicode/random_text.h"

namespace glimmer::unicode {
namespace {

std::string Nfc(std::string_view text) {
  std::string out;
  return NormalizeNfc(text, out) ? out : std::string(text);
}

TEST(Nfc, ComposesReordersAndKeepsExclusions) {
  EXPECT_EQ(Nfc("plain"), "plain");
  EXPECT_EQ(Nfc("e\u0301"), "\u00e9");
  EXPECT_EQ(Nfc("xe\u0301y"), "x\u00e9y");
  EXPECT_EQ(Nfc("o\u0302\u0323"), "\u1ed9");
  EXPECT_EQ(Nfc("a\u0327\u0301"), "\u00e1\u0327");
  EXPECT_EQ(Nfc("\u1100\u1161\u11a8\u11a8"), "\uac01\u11a8");
  EXPECT_EQ(Nfc("\u212b\u2126"), "\u00c5\u03a9");
  EXPECT_EQ(Nfc("\u0958"), "\u0915\u093c");  // excluded from composition
  EXPECT_EQ(Nfc("\u0301a"), "\u0301a");
}

TEST(Nfc, EqualsPython) {
  const auto cases =
      base::ReadJsonObject(std::string(GLIMMER_SOURCE_DIR) + "/tests/golden/nfc.json", 10 << 20);
  const auto& pairs = cases.value().at("cases").get_array();
  EXPECT_GT(pairs.size(), 1000u);
  for (const auto& pair : pairs) {
    EXPECT_EQ(Nfc(pair.at(0).get_string()), std::string(pair.at(1).get_string()))
        << base::Shown(pair);
  }
}

TEST(Nfc, DoneTwiceIsDoneOnce) {
  RandomText random(3);
  for (int i = 0; i < 3000; ++i) {
    const std::string once = Nfc(random.Text(12));
    EXPECT_EQ(Nfc(once), once);
  }
}

}  // namespace
}  // namespace glimmer::unicode
