#include "base/sha256.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_folder.h"

namespace glimmer::base {
namespace {

constexpr std::string_view kOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kOfAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

// FIPS 180-4's examples.
TEST(Sha256, Examples) {
  EXPECT_EQ(Sha256Of(""), kOfNothing);
  EXPECT_EQ(Sha256Of("abc"), kOfAbc);
}

TEST(Sha256, PiecesMakeTheSameAsTheWhole) {
  Sha256 hash;
  EXPECT_EQ(hash.Hex(), kOfNothing);
  hash.Add("a");
  hash.Hex();
  hash.Add("bc");
  EXPECT_EQ(hash.Hex(), kOfAbc);
}

TEST(Sha256, OfAFile) {
  const TestFolder folder;
  const std::string path = folder / "abc";
  ASSERT_TRUE(WriteFileAtomically(path, "abc").ok());
  EXPECT_EQ(Sha256OfFile(path, CancelFlag()).value(), kOfAbc);
  ASSERT_TRUE(RemoveFile(path).ok());
  EXPECT_EQ(Sha256OfFile(path, CancelFlag()).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(Sha256OfFile(folder.path(), CancelFlag()).error().kind, ErrorKind::kInvalid);
}

}  // namespace
}  // namespace glimmer::base
