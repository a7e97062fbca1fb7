#include "check/sha256_list.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/test_folder.h"

namespace glimmer::check {
namespace {

constexpr char kEmpty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr char kAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256, IsTheStandards) {  // FIPS 180-4's example, and the hash of nothing
  EXPECT_EQ(base::Sha256().Hex(), kEmpty);
  base::Sha256 hash;
  hash.Add(std::as_bytes(std::span("ab", 2)));
  hash.Add(std::as_bytes(std::span("c", 1)));
  EXPECT_EQ(hash.Hex(), kAbc);
}

class Sha256List : public testing::Test {
 protected:
  base::Result<std::vector<HashedFile>> Read(const std::string& text) const {
    const std::string path = folder_ / "list";
    EXPECT_TRUE(base::WriteFileAtomically(path, text).ok());
    return ReadSha256List(path);
  }

  base::TestFolder folder_;
};

TEST_F(Sha256List, ReadsEveryFormOfALine) {
  const std::string hash(kAbc);
  const auto list = Read(hash + "  plain name\n" + hash + " *binary\r\n\n\\" + hash +
                         "  back\\\\slash\n" + hash + "  ./folder/file");
  ASSERT_TRUE(list.ok());
  std::vector<std::string> names;
  for (const HashedFile& file : list.value()) names.push_back(file.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"plain name", "binary", "back\\slash", "folder/file"}));
}

TEST_F(Sha256List, RefusesWhatIsNoList) {
  const std::string hash(kAbc);
  for (const std::string& text :
       {std::string(), std::string("hello\n"), hash, hash + "  ", hash + " name",
        hash.substr(1) + "g  name", hash + "  /etc/passwd", hash + "  a/../../b",
        hash + "  twice\n" + hash + "  ./twice\n"}) {
    const auto list = Read(text);
    ASSERT_FALSE(list.ok()) << text;
    EXPECT_EQ(list.error().kind, base::ErrorKind::kCorrupt);
  }
}

}  // namespace
}  // namespace glimmer::check
