#include "eval/token_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/test_folder.h"

namespace glimmer::eval {
namespace {

class ReadTokenFileTest : public ::testing::Test {
 protected:
  base::Result<std::vector<text::TokenId>> Read(const std::string& text) const {
    std::ofstream(path_) << text;
    return ReadTokenFile(path_, 100);
  }

  base::TestFolder folder_;
  std::string path_ = folder_ / "tokens.json";
};

TEST_F(ReadTokenFileTest, TakesIdsAsTheyAre) {
  EXPECT_EQ(Read("[0, 99,\n 5, 5]").value(), std::vector<text::TokenId>({0, 99, 5, 5}));
}

TEST_F(ReadTokenFileTest, ErrorsNameFileAndIndex) {
  const std::pair<const char*, const char*> cases[] = {
      {"[1, 100, 2]", "expected token ids from 0 to 99, found 100 at index 1"},
      {"[1, 2, -1]", "found -1 at index 2"},
      {"[1.5, 2]", "found 1.5 at index 0"},
      {"[1, 2.0]", "at index 1"},
      {"[1, \"2\"]", "found \"2\" at index 1"},
      {"[1, [2]]", "found [2] at index 1"},
      {"[1, 18446744073709551615]", "at index 1"},
      {"[]", "expected at least 2 token ids, found 0"},
      {"[7]", "expected at least 2 token ids, found 1"},
  };
  for (const auto& [text, said] : cases) {
    const auto ids = Read(text);
    ASSERT_FALSE(ids.ok()) << text;
    EXPECT_EQ(ids.error().kind, base::ErrorKind::kInvalid);
    EXPECT_NE(ids.error().message.find(said), std::string::npos) << ids.error().message;
    EXPECT_NE(ids.error().message.find(path_), std::string::npos);
  }
}

TEST_F(ReadTokenFileTest, AnythingButAnArrayIsCorrupt) {
  for (const char* text : {"", "{\"ids\": [1, 2]}", "1 2 3", "[1, 2", "[1, 2] 3"}) {
    const auto ids = Read(text);
    ASSERT_FALSE(ids.ok()) << text;
    EXPECT_EQ(ids.error().kind, base::ErrorKind::kCorrupt);
  }
  EXPECT_EQ(ReadTokenFile(path_ + ".none", 100).error().kind, base::ErrorKind::kNotFound);
}

}  // namespace
}  // namespace glimmer::eval
