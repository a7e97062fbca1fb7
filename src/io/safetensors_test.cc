#include "io/safetensors.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/test_folder.h"
#include "io/checkpoint.h"

namespace glimmer::io {
namespace {

std::string Entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  uint64_t begin, uint64_t end) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape +
         R"(,"data_offsets":[)" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}

base::Result<SafetensorsHeader> Parse(const std::string& header, uint64_t data_bytes) {
  return ParseSafetensorsHeader(header, 8 + header.size() + data_bytes, "x.safetensors");
}

TEST(ParseSafetensorsHeader, ReadsTensorsByOffset) {
  const std::string header =
      "{\"__metadata__\":{\"format\":\"pt\"}," + Entry("b", "F8_E4M3", "[32]", 16, 48) + "," +
      Entry("a", "BF16", "[2,4]", 0, 16) + "," + Entry("empty", "F32", "[0,7]", 48, 48) + "," +
      Entry("scalar", "F32", "[]", 48, 52) + "}   ";
  const auto parsed = Parse(header, 52);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  const auto& tensors = parsed.value().tensors;
  ASSERT_EQ(tensors.size(), 4u);
  EXPECT_EQ(tensors[0].name, "a");
  EXPECT_EQ(tensors[0].offset, 8 + header.size());
  EXPECT_EQ(tensors[1].size_bytes, 32u);
  EXPECT_EQ(tensors[2].name, "empty");
  EXPECT_EQ(tensors[3].shape, tensor::Shape{});
  EXPECT_EQ(parsed.value().metadata.at("format"), "pt");
}

struct Hostile {
  std::string header;
  uint64_t data_bytes;
  const char* said;
};

TEST(ParseSafetensorsHeader, EachWayToBeMalformedHasItsSentence) {
  const std::string a = Entry("a", "BF16", "[2,4]", 0, 16);
  const Hostile cases[] = {
      {"", 0, "not JSON"},
      {"[]", 0, "expected a JSON object"},
      {"{" + a + "," + a + "}", 16, "stands twice"},
      {"{" + a + "}", 15, "truncated: its tensors take 16 bytes of data, found 15"},
      {"{" + a + "}", 17, "1 bytes of data behind the last tensor"},
      {"{" + a + "," + Entry("b", "U8", "[4]", 20, 24) + "}", 24, "leaving a gap"},
      {"{" + a + "," + Entry("b", "U8", "[4]", 12, 16) + "}", 16, "overlap tensor \"a\""},
      {"{" + Entry("a", "BF16", "[2,4]", 0, 15) + "}", 15, "takes 16 bytes, but data_offsets"},
      {"{" + Entry("a", "BF16", "[2,4]", 16, 0) + "}", 16, "begin 16 lies behind end 0"},
      {"{" + Entry("a", "BF17", "[2,4]", 0, 16) + "}", 16, "unknown element type \"BF17\""},
      {"{" + Entry("a", "U8", "[4294967296,4294967296,4]", 0, 0) + "}", 0, "below 2^64"},
      {"{" + Entry("a", "F64", "[2305843009213693952]", 0, 0) + "}", 0, "below 2^64"},
      {"{" + Entry("a", "F4", "[3]", 0, 1) + "}", 1, "whole number of bytes"},
      {"{" + Entry("a", "U8", "[-1]", 0, 0) + "}", 0, "not negative, found -1"},
      {"{" + Entry("a", "U8", "[1.0]", 0, 1) + "}", 1, "whole number"},
      {"{" + Entry("a", "U8", "4", 0, 4) + "}", 4, "shape: expected an array"},
      {"{" + Entry("", "U8", "[4]", 0, 4) + "}", 4, "must have a name"},
      {R"({"a":{"dtype":"U8","shape":[4]}})", 4, "expected exactly dtype, shape and data_offsets"},
      {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1}})", 4, "expected exactly"},
      {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0]}})", 4, "expected [begin, end]"},
      {R"({"a":{"dtype":8,"shape":[4],"data_offsets":[0,4]}})", 4, "dtype: expected a text"},
      {R"({"a":5})", 0, "expected exactly"},
      {R"({"__metadata__":{"n":1}})", 0, "__metadata__: \"n\": expected a text"},
      {R"({"__metadata__":[]})", 0, "__metadata__: expected an object"},
      {"{" + Entry("a", "U8", "[18446744073709551615]", 0, 18446744073709551615u) + "}", 4,
       "x.safetensors"},
  };
  for (const Hostile& hostile : cases) {
    const auto parsed = Parse(hostile.header, hostile.data_bytes);
    ASSERT_FALSE(parsed.ok()) << hostile.header;
    EXPECT_NE(parsed.error().message.find(hostile.said), std::string::npos)
        << parsed.error().message;
  }
}

TEST(ParseSafetensorsHeader, KnowsEveryElementType) {
  for (const char* dtype : {"BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "I16", "U16",
                            "F16", "BF16", "I32", "U32", "F32", "C64", "F64", "I64", "U64"}) {
    const uint64_t bytes = tensor::BitsOf(*tensor::DTypeFromName(dtype));
    EXPECT_TRUE(Parse("{" + Entry("a", dtype, "[8]", 0, bytes) + "}", bytes).ok()) << dtype;
  }
  EXPECT_TRUE(Parse("{" + Entry("a", "F6_E2M3", "[4]", 0, 3) + "}", 3).ok());
}

// The bytes that `safetensors.numpy.save` of the Python package writes for the same tensors.
TEST(LayOutSafetensors, OrdersAndPadsLikeTheFormatsOwnLibrary) {
  std::vector<TensorInfo> tensors = {{"z.weight", tensor::DType::kU8, {2, 2}, 0, 4},
                                     {"b", tensor::DType::kF32, {}, 0, 4},
                                     {"m.scale", tensor::DType::kF8E4M3, {1}, 0, 1},
                                     {"a\"quoted", tensor::DType::kBF16, {1}, 0, 2},
                                     {"a", tensor::DType::kF32, {1}, 0, 4}};
  const std::string first_bytes = LayOutSafetensors(tensors);
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
      R"("b":{"dtype":"F32","shape":[],"data_offsets":[4,8]},)"
      R"("a\"quoted":{"dtype":"BF16","shape":[1],"data_offsets":[8,10]},)"
      R"("m.scale":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[10,11]},)"
      R"("z.weight":{"dtype":"U8","shape":[2,2],"data_offsets":[11,15]}})";
  EXPECT_EQ(first_bytes.size() % 8, 0u);
  EXPECT_EQ(first_bytes.substr(8, header.size()), header);
  EXPECT_EQ(first_bytes.find_first_not_of(' ', 8 + header.size()), std::string::npos);
  EXPECT_LT(first_bytes.size() - 8 - header.size(), 8u);
  EXPECT_EQ(static_cast<uint8_t>(first_bytes[0]), (first_bytes.size() - 8) % 256);
  EXPECT_EQ(tensors[0].offset, first_bytes.size());
}

TEST(ReadSafetensorsHeader, RefusesALengthThatCannotBe) {
  const base::TestFolder folder;
  const std::string path = folder / "model.safetensors";
  const std::pair<uint64_t, const char*> cases[] = {{uint64_t{1} << 62, "length field says"},
                                                    {100'000'001, "at most 100000000"},
                                                    {9, "truncated"}};
  for (const auto& [length, said] : cases) {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&length), 8).write("{}      ", 8);
    file.close();
    const auto header = ReadSafetensorsHeader(base::File::OpenForReading(path).value());
    ASSERT_FALSE(header.ok());
    EXPECT_NE(header.error().message.find(said), std::string::npos) << header.error().message;
  }
}

TEST(ReadSafetensorsHeader, KnowsWhatDownloadsLeaveInPlaceOfWeights) {
  const base::TestFolder folder;
  const std::string path = folder / "model.safetensors";
  const std::pair<const char*, const char*> cases[] = {
      {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n",
       "is a Git LFS pointer, not the weights: run git lfs pull"},
      {"<!DOCTYPE html>\n<html></html>", "is a web page, not the weights"},
      {"\n <html lang=\"en\">", "is a web page, not the weights"}};
  for (const auto& [content, said] : cases) {
    std::ofstream(path, std::ios::binary) << content;
    const auto header = ReadSafetensorsHeader(base::File::OpenForReading(path).value());
    ASSERT_FALSE(header.ok());
    EXPECT_EQ(header.error().kind, base::ErrorKind::kCorrupt);
    EXPECT_NE(header.error().message.find(said), std::string::npos) << header.error().message;
  }
  // A length that begins like a page is none.
  const std::string header = "{}" + std::string('<' - 2, ' ');
  std::ofstream file(path, std::ios::binary);
  const uint64_t length = header.size();
  file.write(reinterpret_cast<const char*>(&length), 8) << header;
  file.close();
  EXPECT_TRUE(ReadSafetensorsHeader(base::File::OpenForReading(path).value()).ok());
}

TEST(Checkpoint, ReferenceModelOpensAndReads) {
  const auto checkpoint = Checkpoint::Open(std::string(GLIMMER_SOURCE_DIR) + "/models/reference");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message;
  EXPECT_EQ(checkpoint.value().tensor_count(), 714u);
  EXPECT_FALSE(checkpoint.value().has_index());
  const TensorRef norm = checkpoint.value().Find("model.norm.weight");
  ASSERT_NE(norm.info, nullptr);
  std::vector<std::byte> bytes(norm.info->size_bytes);
  EXPECT_TRUE(Checkpoint::Read(norm, 0, bytes).ok());
  EXPECT_EQ(checkpoint.value().Find("model.norm").info, nullptr);
}

}  // namespace
}  // namespace glimmer::io
