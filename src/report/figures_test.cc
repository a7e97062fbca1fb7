#include "report/figures.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "report/model_card.h"

namespace glimmer::report {
namespace {

TEST(MedianOf, TakesTheLowerMiddle) {
  EXPECT_EQ(MedianOf({}), 0);
  EXPECT_EQ(MedianOf({3}), 3);
  EXPECT_EQ(MedianOf({4, 1, 3, 2}), 2);
  EXPECT_EQ(MedianOf({5, 1, 3}), 3);
}

TEST(BaseModel, IsKnownFromTheHubsNames) {
  EXPECT_EQ(BaseModel("/data/GLM-5.1"), "zai-org/GLM-5.1");
  EXPECT_EQ(BaseModel("/data/GLM-5.1/"), "zai-org/GLM-5.1");
  EXPECT_EQ(BaseModel("/hub/models--zai-org--GLM-5.2/snapshots/0a1b"), "zai-org/GLM-5.2");
  EXPECT_EQ(BaseModel("/data/my-model"), "");
  EXPECT_EQ(BaseModel("/hub/models--a b--c\n/snapshots/0a1b"), "");
}

class Licence : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("glimmer_licence_" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void Write(const char* name, const std::string& text) { std::ofstream(folder_ / name) << text; }

  std::filesystem::path folder_;
};

TEST_F(Licence, ComesFromTheReadme) {
  EXPECT_EQ(LicenceLines(folder_), "");
  Write("README.md", "---\nlanguage:\n- en\nlicense: mit\nlicense_link: https://a.b/c\n---\n# x\n");
  EXPECT_EQ(LicenceLines(folder_), "license: mit\nlicense_link: https://a.b/c\n");
  Write("README.md", "---\nlicense: \"m:\\n<x>\"\n---\n");
  EXPECT_EQ(LicenceLines(folder_), "");
  Write("README.md", "# no front matter\nlicense: mit\n");
  EXPECT_EQ(LicenceLines(folder_), "");
}

TEST_F(Licence, OrFromTheLicence) {
  Write("LICENSE", "\n    Apache License\n    Version 2.0\n");
  EXPECT_EQ(LicenceLines(folder_), "license: apache-2.0\n");
  Write("LICENSE", "All rights are mine\n");
  EXPECT_EQ(LicenceLines(folder_), "license: other\nlicense_link: LICENSE\n");
}

}  // namespace
}  // namespace glimmer::report
