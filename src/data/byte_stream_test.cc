#include "data/byte_stream.h"

#include <gtest/gtest.h>

#include "data/data_testing.h"
#include "data/line_reader.h"

namespace glimmer::data {
namespace {

using base::ErrorKind;

base::Result<std::string> ContentOf(const std::string& name, std::string_view bytes) {
  GLIMMER_ASSIGN(ByteStream stream, ByteStream::OfMemory(name, bytes));
  std::string content;
  while (true) {
    GLIMMER_ASSIGN(const std::string_view piece, stream.Next());
    if (piece.empty()) return content;
    EXPECT_LE(piece.size(), kPieceBytes);
    content += piece;
  }
}

// Compresses badly, so that it takes many pieces.
std::string LongText() {
  std::string text;
  uint32_t state = 1;
  while (text.size() < 5 * kPieceBytes) {
    state = state * 1664525 + 1013904223;
    text += static_cast<char>('!' + (state >> 24) % 90);
  }
  return text;
}

TEST(ByteStream, PlainGzipAndZstd) {
  for (const std::string& text : {std::string("hello\n"), LongText(), std::string()}) {
    EXPECT_EQ(ContentOf("a.jsonl", text).value(), text);
    EXPECT_EQ(ContentOf("a.jsonl.gz", Gzip(text)).value(), text);
    EXPECT_EQ(ContentOf("a.jsonl.zst", Zstd(text)).value(), text);
  }
}

TEST(ByteStream, TheContentDecidesNotTheName) {
  EXPECT_EQ(ContentOf("a.jsonl", Gzip("x")).value(), "x");
  EXPECT_EQ(ContentOf("a.gz", Zstd("x")).value(), "x");
  EXPECT_EQ(ContentOf("a.zst", Gzip("x")).value(), "x");
  const auto plain = ContentOf("a.gz", "plain text");
  ASSERT_FALSE(plain.ok());
  EXPECT_EQ(plain.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(ContentOf("a.zst", "plain text").error().kind, ErrorKind::kCorrupt);
}

TEST(ByteStream, SeveralStreamsInOneFile) {
  const std::string text = LongText();
  EXPECT_EQ(ContentOf("a", Gzip(text) + Gzip("") + Gzip("b")).value(), text + "b");
  EXPECT_EQ(ContentOf("a", Zstd(text) + Zstd("") + Zstd("b")).value(), text + "b");
}

TEST(ByteStream, EveryTruncationIsAnError) {
  for (const std::string& whole : {Gzip("hello world"), Zstd("hello world")}) {
    for (size_t size = 4; size < whole.size(); ++size) {
      const auto content = ContentOf("a", std::string_view(whole).substr(0, size));
      ASSERT_FALSE(content.ok()) << size;
      EXPECT_EQ(content.error().kind, ErrorKind::kCorrupt);
      EXPECT_NE(content.error().message.find("\"a\": truncated"), std::string::npos);
    }
  }
}

TEST(ByteStream, DamageIsAnError) {
  for (std::string bytes : {Gzip(LongText()), Zstd(LongText())}) {
    bytes[bytes.size() / 2] ^= 0x55;
    const auto content = ContentOf("a", bytes);
    ASSERT_FALSE(content.ok());
    EXPECT_EQ(content.error().kind, ErrorKind::kCorrupt);
  }
  EXPECT_EQ(ContentOf("a", Gzip("x") + "garbage").error().kind, ErrorKind::kCorrupt);
}

// A frame header that asks for a window of 2 GiB.
TEST(ByteStream, AZstdWindowBeyondTheLimit) {
  const std::string header("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 9);
  const auto content = ContentOf("a", header);
  ASSERT_FALSE(content.ok());
  EXPECT_EQ(content.error().kind, ErrorKind::kExhausted);
  EXPECT_NE(content.error().message.find("128 MiB"), std::string::npos);
}

TEST(ByteStream, OpensFilesOnly) {
  EXPECT_EQ(ByteStream::Open("/nowhere/a.jsonl").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(ByteStream::Open(::testing::TempDir()).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(ByteStream::Open("/dev/null").error().kind, ErrorKind::kInvalid);
  const TemporaryFile file("byte_stream_test.gz", Gzip("hello"));
  EXPECT_EQ(ByteStream::Open(file.path()).value().Next().value(), "hello");
}

std::vector<std::string> LinesOf(std::string_view bytes) {
  LineReader reader(ByteStream::OfMemory("a", bytes).value());
  std::vector<std::string> lines;
  while (const auto line = reader.Next().value()) {
    lines.emplace_back(line->bytes);
    EXPECT_EQ(line->number, lines.size());
  }
  return lines;
}

TEST(LineReader, Lines) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(LinesOf(""), Lines());
  EXPECT_EQ(LinesOf("a"), Lines({"a"}));
  EXPECT_EQ(LinesOf("a\n"), Lines({"a"}));
  EXPECT_EQ(LinesOf("a\r\n\n b \rc"), Lines({"a", "", " b \rc"}));
  EXPECT_EQ(LinesOf("\xef\xbb\xbf{}\n\xef\xbb\xbf"), Lines({"{}", "\xef\xbb\xbf"}));
  const std::string text = LongText();
  EXPECT_EQ(LinesOf(text + "\n" + text), Lines({text, text}));
}

TEST(LineReader, ALineBeyondTheLimitIsAnErrorWithoutReadingItAll) {
  const std::string bomb = Gzip("short\n" + std::string(kMaxLineBytes + 1, ' '));
  ASSERT_LT(bomb.size(), 20'000u);
  LineReader reader(ByteStream::OfMemory("bomb", bomb).value());
  EXPECT_EQ(reader.Next().value()->bytes, "short");
  const auto line = reader.Next();
  ASSERT_FALSE(line.ok());
  EXPECT_EQ(line.error().kind, ErrorKind::kExhausted);
  EXPECT_EQ(line.error().message,
            "\"bomb\": line 2 is longer than 16,777,216 bytes (kMaxLineBytes)");
  EXPECT_EQ(LinesOf(std::string(kMaxLineBytes, ' ')).size(), 1u);
}

}  // namespace
}  // namespace glimmer::data
