#include "data/calibration_file.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace glimmer::data {
namespace {

using Shares = std::vector<uint64_t>;

TEST(ParseCalibrationFile, ANumberBehindTheLastColon) {
  const auto file = ParseCalibrationFile("a:b/cnn.jsonl:128").value();
  EXPECT_EQ(file.path, "a:b/cnn.jsonl");
  EXPECT_EQ(file.samples, 128u);
}

TEST(ParseCalibrationFile, OtherColonsBelongToThePath) {
  for (const char* path : {"cnn.jsonl", "cnn:", "c:/cnn", "cnn:12a", "cnn: 12", "cnn:-1"}) {
    const auto file = ParseCalibrationFile(path).value();
    EXPECT_EQ(file.path, path);
    EXPECT_FALSE(file.samples.has_value());
  }
  EXPECT_EQ(ParseCalibrationFile("cnn:12:34").value().path, "cnn:12");
}

TEST(ParseCalibrationFile, RefusesNoPathAndNumbersOutOfRange) {
  for (const char* argument : {"", ":12", "cnn:0", "cnn:4294967297", "cnn:99999999999999999999"}) {
    const auto file = ParseCalibrationFile(argument);
    ASSERT_FALSE(file.ok()) << argument;
    EXPECT_EQ(file.error().kind, base::ErrorKind::kInvalid);
    EXPECT_NE(file.error().message.find(argument), std::string::npos);
  }
}

TEST(ShareSamples, EvenlyAndTheRemainderToTheLast) {
  EXPECT_EQ(ShareSamples({{"a"}}, 256).value(), Shares({256}));
  EXPECT_EQ(ShareSamples({{"a"}, {"b"}, {"c"}}, 256).value(), Shares({85, 85, 86}));
}

TEST(ShareSamples, NumbersOfTheirOwnComeFirst) {
  EXPECT_EQ(ShareSamples({{"a", 100}, {"b"}, {"c"}}, 257).value(), Shares({100, 78, 79}));
  EXPECT_EQ(ShareSamples({{"a"}, {"b"}, {"c", 10}}, 15).value(), Shares({2, 3, 10}));
  EXPECT_EQ(ShareSamples({{"a", 300}, {"b", 7}}, 256).value(), Shares({300, 7}));
}

TEST(ShareSamples, RefusesFilesWithoutASample) {
  EXPECT_FALSE(ShareSamples({}, 256).ok());
  EXPECT_FALSE(ShareSamples({{"a"}, {"b"}}, 1).ok());
  const auto shares = ShareSamples({{"a", 256}, {"b"}}, 256);
  ASSERT_FALSE(shares.ok());
  EXPECT_NE(shares.error().message.find("found 0 left of 256"), std::string::npos);
}

TEST(DefaultCalibrationFile, IsTheFileInShare) {
  const CalibrationFile file = DefaultCalibrationFile();
  const std::string path = std::string(GLIMMER_SOURCE_DIR) + "/" + file.path;
  EXPECT_EQ(*file.built_in, base::ReadTextFile(path, 1 << 20).value());
}

}  // namespace
}  // namespace glimmer::data
