#include "base/sealed_line.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/sha256.h"

namespace glimmer::base {
namespace {

const JsonObject kObject = {{"name", "a \"b\" ü"}, {"numbers", JsonArray{1, 2.5}}};

std::string_view Unbroken(const std::string& line) {
  return std::string_view(line).substr(0, line.size() - 1);
}

TEST(SealedLine, IsTheLineAndItsHash) {
  const std::string line = Seal({{"a", 1}});
  EXPECT_EQ(line, R"({"a": 1, "sha256": ")" + Sha256Of(R"({"a": 1})") + "\"}\n");
  EXPECT_EQ(SealOf(line), Sha256Of(R"({"a": 1})"));
  const std::string behind = Seal({{"a", 1}}, SealOf(line));
  EXPECT_EQ(SealOf(behind), Sha256Of(SealOf(line) + R"({"a": 1})"));
}

TEST(SealedLine, ComesBack) {
  const std::string line = Seal(kObject);
  const auto opened = OpenSealed(Unbroken(line));
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->object, kObject);
  EXPECT_EQ(opened->seal, SealOf(line));
}

TEST(SealedLine, EveryFlippedBitAndEveryCutIsNoticed) {
  const std::string line = Seal(kObject);
  for (size_t byte = 0; byte + 1 < line.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = line;
      flipped[byte] = static_cast<char>(flipped[byte] ^ (1 << bit));
      EXPECT_FALSE(OpenSealed(Unbroken(flipped)).has_value()) << flipped;
    }
    EXPECT_FALSE(OpenSealed(std::string_view(line).substr(0, byte)).has_value());
  }
}

TEST(SealedLine, AChainMissesALostLine) {
  const std::string first = Seal({{"a", 1}}), second = Seal({{"a", 2}}, SealOf(first)),
                    third = Seal({{"a", 3}}, SealOf(second));
  EXPECT_TRUE(OpenSealed(Unbroken(third), SealOf(second)).has_value());
  EXPECT_FALSE(OpenSealed(Unbroken(third), SealOf(first)).has_value());
  EXPECT_FALSE(OpenSealed(Unbroken(third)).has_value());
}

}  // namespace
}  // namespace glimmer::base
