#include "base/system_files.h"

#include <gtest/gtest.h>

#include "base/fake_root.h"

namespace glimmer::base {
namespace {

TEST(SystemFiles, IndexLists) {
  using Indices = std::vector<size_t>;
  EXPECT_EQ(ParseIndexList(""), Indices());
  EXPECT_EQ(ParseIndexList("7"), Indices({7}));
  EXPECT_EQ(ParseIndexList("0-2,8,10-11"), Indices({0, 1, 2, 8, 10, 11}));
  EXPECT_EQ(ParseIndexList("4,1-4"), Indices({1, 2, 3, 4}));
  for (const char* wrong :
       {"-", "1-", "-1", "3-1", "1,", ",", "a", "1 ", "0-2000000", "0x1", "99999999999999999999"}) {
    EXPECT_EQ(ParseIndexList(wrong), std::nullopt) << wrong;
  }
}

TEST(SystemFiles, ReadsWhatHasNoSize) {
  EXPECT_TRUE(ReadSystemFile("/proc/self/stat").has_value());
  EXPECT_EQ(ReadSystemFile("/nowhere"), std::nullopt);
  EXPECT_EQ(ReadSystemFile("/proc"), std::nullopt);
  const FakeRoot root;
  root.Write("/a", "b\nc");
  EXPECT_EQ(ReadSystemFile(root.path() + "/a"), "b\nc");
}

}  // namespace
}  // namespace glimmer::base
