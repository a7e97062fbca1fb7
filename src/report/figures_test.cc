#include "report/figures.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/test_folder.h"
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
  void Write(const char* name, const std::string& text) { std::ofstream(folder_ / name) << text; }

  base::TestFolder folder_;
};

TEST_F(Licence, ComesFromTheReadme) {
  EXPECT_EQ(LicenceLines(folder_.path()), "");
  Write("README.md", "---\nlanguage:\n- en\nlicense: mit\nlicense_link: https://a.b/c\n---\n# x\n");
  EXPECT_EQ(LicenceLines(folder_.path()), "license: mit\nlicense_link: https://a.b/c\n");
  Write("README.md", "---\nlicense: \"m:\\n<x>\"\n---\n");
  EXPECT_EQ(LicenceLines(folder_.path()), "");
  Write("README.md", "# no front matter\nlicense: mit\n");
  EXPECT_EQ(LicenceLines(folder_.path()), "");
}

TEST_F(Licence, OrFromTheLicence) {
  Write("LICENSE", "\n    Apache License\n    Version 2.0\n");
  EXPECT_EQ(LicenceLines(folder_.path()), "license: apache-2.0\n");
  Write("LICENSE", "All rights are mine\n");
  EXPECT_EQ(LicenceLines(folder_.path()), "license: other\nlicense_link: LICENSE\n");
}

}  // namespace
}  // namespace glimmer::report
