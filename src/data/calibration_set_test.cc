#include "data/calibration_set.h"

#include <gtest/gtest.h>

#include "base/sha256.h"
#include "data/data_testing.h"

namespace glimmer::data {
namespace {

using base::ErrorKind;
using text::TokenId;
using text::Tokenizer;
using Ids = std::vector<TokenId>;
using Sequences = std::vector<Ids>;

const std::string kModel = std::string(GLIMMER_SOURCE_DIR) + "/models/reference";
constexpr uint64_t kVocab = 4200;

const Tokenizer& ReferenceTokenizer() {
  static const Tokenizer tokenizer = Tokenizer::Load(kModel + "/tokenizer.json").value();
  return tokenizer;
}

const chat::ChatTemplate& ReferenceTemplate() {
  static const chat::ChatTemplate chat_template = chat::ChatTemplate::Load(kModel).value();
  return chat_template;
}

ModelText Reference() {
  return {kVocab, [] { return base::Result<const Tokenizer*>(&ReferenceTokenizer()); },
          [] { return base::Result<const chat::ChatTemplate*>(&ReferenceTemplate()); }};
}

ModelText NoTokenizer() { return {100}; }

Ids Encoded(std::string_view text) { return ReferenceTokenizer().Encode(text).value(); }

CalibrationFile Memory(const std::string& name, std::string_view content,
                       std::optional<uint64_t> samples = std::nullopt) {
  return {name, samples, content};
}

CalibrationSet Read(const DataOptions& options, const ModelText& model = Reference()) {
  auto set = ReadCalibrationSet(options, model, base::CancelFlag());
  EXPECT_TRUE(set.ok()) << (set.ok() ? "" : set.error().message);
  return set.ok() ? std::move(set).value() : CalibrationSet{{}, std::vector<FileReport>(9), ""};
}

base::Error ErrorOf(const DataOptions& options, const ModelText& model = Reference()) {
  auto set = ReadCalibrationSet(options, model, base::CancelFlag());
  EXPECT_FALSE(set.ok());
  return set.ok() ? base::Invalid("none") : set.error();
}

std::string Lines(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

TEST(ReadCalibrationSet, RowsOfEveryKind) {
  const std::string rows = Lines({R"({"text": "One two."})", "", R"({"tokens": [5, 6]})",
                                  R"({"prompt": "p", "response": "r"})",
                                  R"({"messages": [{"role": "user", "content": "u"}]})"});
  const CalibrationSet set = Read({{Memory("a.jsonl", rows)}, 4});
  EXPECT_EQ(set.sequences, Sequences({Encoded("One two."), {5, 6}, Encoded("p\nr"), Encoded("u")}));
  const FileReport& file = set.files[0];
  EXPECT_EQ(file.path, "a.jsonl");
  EXPECT_EQ(file.sha256, base::Sha256Of(rows));
  EXPECT_EQ(file.samples, 4u);
  EXPECT_EQ(file.lines, 4u);
  EXPECT_EQ(file.truncated, 0u);
  EXPECT_EQ(file.tokens, set.sequences[0].size() + 2 + set.sequences[2].size() + 1);
  EXPECT_TRUE(Warnings(file).empty());
}

TEST(ReadCalibrationSet, ChatTemplateWithoutGenerationPrompt) {
  const std::string rows = R"({"messages": [{"role": "user", "content": "u"},)"
                           R"( {"role": "assistant", "content": "a"}]})";
  const CalibrationSet set =
      Read({.files = {Memory("a", rows)}, .samples = 1, .turns = Turns::kTemplate});
  EXPECT_EQ(set.sequences[0], Encoded("[gMASK]<sop><|user|>u<|assistant|><think></think>a"));
}

TEST(ReadCalibrationSet, MixesInOrderAndStopsAtTheShare) {
  std::string a, b;
  for (int i = 0; i < 9; ++i) {
    a += "{\"tokens\": [" + std::to_string(i) + "]}\n";
    b += "{\"tokens\": [" + std::to_string(50 + i) + "]}\n";
  }
  b += "broken, but never read\n";
  const CalibrationSet set =
      Read({{Memory("a", a), Memory("b", b, 3), Memory("a", a)}, 8}, NoTokenizer());
  EXPECT_EQ(set.sequences, Sequences({{0}, {1}, {50}, {51}, {52}, {0}, {1}, {2}}));
  EXPECT_EQ(set.files[1].lines, 3u);
}

TEST(ReadCalibrationSet, TruncatesOnTheRight) {
  const CalibrationSet set = Read(
      {{Memory("a", "{\"tokens\": [1, 2, 3, 4]}\n{\"tokens\": [5, 6, 7]}")}, 2, 3}, NoTokenizer());
  EXPECT_EQ(set.sequences, Sequences({{1, 2, 3}, {5, 6, 7}}));
  EXPECT_EQ(set.files[0].truncated, 1u);
}

// Lengths as 64 bits and ids as 32, little-endian.
TEST(ReadCalibrationSet, FingerprintOfTheIds) {
  const CalibrationSet set =
      Read({{Memory("a", "{\"tokens\": [1, 258]}\n{\"tokens\": [3]}")}, 2}, {300});
  const std::string bytes("\2\0\0\0\0\0\0\0\1\0\0\0\2\1\0\0\1\0\0\0\0\0\0\0\3\0\0\0", 28);
  EXPECT_EQ(set.fingerprint, base::Sha256Of(bytes));
}

TEST(ReadCalibrationSet, FilesOnDiskCompressedOrNot) {
  const std::string rows = "{\"tokens\": [1]}\n";
  const TemporaryFile plain("set.jsonl", rows), gzip("set.jsonl.gz", Gzip(rows)),
      zstd("set.jsonl.zst", Zstd(rows));
  const CalibrationSet set =
      Read({{{plain.path()}, {gzip.path()}, {zstd.path()}}, 3}, NoTokenizer());
  EXPECT_EQ(set.sequences, Sequences({{1}, {1}, {1}}));
  EXPECT_EQ(set.files[1].sha256, base::Sha256Of(Gzip(rows)));
}

TEST(ReadCalibrationSet, PlainTextIsCutEverySeqLenTokens) {
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += i % 7 == 6 ? "\n\n" : "word" + std::to_string(i) + " ";
  text += "\n";
  ASSERT_GT(text.size(), 3 * (size_t{64} << 10));
  const Ids whole = Encoded(text);
  const CalibrationSet set = Read({{Memory("a.txt.gz", Gzip(text))}, 100'000, 1000});
  Ids joined;
  for (const Ids& ids : set.sequences) {
    joined.insert(joined.end(), ids.begin(), ids.end());
    EXPECT_EQ(ids.size(), &ids == &set.sequences.back() ? whole.size() % 1000 : 1000);
  }
  EXPECT_EQ(joined, whole);
  EXPECT_EQ(set.files[0].truncated, 0u);
  EXPECT_EQ(Read({{Memory("a.txt", text)}, 3, 1000}).sequences.size(), 3u);
}

TEST(ReadCalibrationSet, PlainTextLinesOfOtherEncodingsAreSkipped) {
  const CalibrationSet set = Read({{Memory("a.txt", "one\r\ngr\xfc\xdf\ntwo")}, 9});
  EXPECT_EQ(set.sequences, Sequences({Encoded("one\ntwo\n")}));
  ASSERT_EQ(set.files[0].skipped.size(), 1u);
  EXPECT_EQ(set.files[0].skipped[0].first_problem, "byte 3 of the line, 0xfc, is not UTF-8");
}

TEST(ReadCalibrationSet, BrokenLinesAreSkippedReplacedAndReported) {
  const std::string rows =
      Lines({"{", R"({"text": ""})", R"({"tokens": []})", R"({"tokens": [1]})", "\xfe\xff", "7",
             R"({"title": "t"})", R"({"tokens": "t"})", "{", R"({"tokens": [2]})"});
  const CalibrationSet set = Read({{Memory("a", rows)}, 3}, NoTokenizer());
  EXPECT_EQ(set.sequences, Sequences({{1}, {2}}));
  const FileReport& file = set.files[0];
  EXPECT_EQ(file.lines, 10u);
  std::vector<std::pair<SkipReason, uint64_t>> counts;
  for (const SkippedLines& lines : file.skipped) counts.emplace_back(lines.reason, lines.count);
  EXPECT_EQ(counts, (std::vector<std::pair<SkipReason, uint64_t>>{{SkipReason::kNotJson, 2},
                                                                  {SkipReason::kNoTokens, 2},
                                                                  {SkipReason::kNotUtf8, 1},
                                                                  {SkipReason::kNotObject, 1},
                                                                  {SkipReason::kNoField, 1},
                                                                  {SkipReason::kWrongType, 1}}));
  const auto warnings = Warnings(file);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_EQ(warnings[0], "\"a\": 2 samples of the 3 asked for; it has no more");
  EXPECT_TRUE(
      warnings[1].starts_with("\"a\": 8 of 10 lines skipped: 2 lines not JSON (first line 1"))
      << warnings[1];
}

TEST(ReadCalibrationSet, WhatTheTemplateRefusesIsSkipped) {
  ModelText model = Reference();
  const auto refusing =
      chat::ChatTemplate::FromSource("{{ raise_exception('no system turn') }}", "t").value();
  model.chat_template = [&] { return base::Result<const chat::ChatTemplate*>(&refusing); };
  const std::string rows = "{\"messages\": []}\n{\"text\": \"a\"}";
  const CalibrationSet set =
      Read({.files = {Memory("a", rows)}, .samples = 1, .turns = Turns::kTemplate}, model);
  ASSERT_EQ(set.files[0].skipped.size(), 1u);
  EXPECT_EQ(set.files[0].skipped[0].reason, SkipReason::kRefused);
}

TEST(ReadCalibrationSet, AFileWithoutASampleIsAnError) {
  EXPECT_EQ(
      ErrorOf({{Memory("a", "")}}).message,
      "\"a\": holds no text; expected JSON lines, each an object with one of tokens, messages, "
      "conversations, prompt, text, input, article");
  EXPECT_EQ(ErrorOf({{Memory("a.txt", " \n\n")}}).message,
            "\"a.txt\": holds no text; expected UTF-8 text");
  EXPECT_EQ(
      ErrorOf({{Memory("a", "{\"title\": \"t\"}\n")}}).message,
      "\"a\": none of its 1 lines gives a sample; expected JSON lines, each an object with one "
      "of tokens, messages, conversations, prompt, text, input, article; found 1 line without "
      "a field to use (line 1: it has none of tokens, messages, conversations, prompt, text, "
      "input, article, in \"{\\\"title\\\": \\\"t\\\"}\")");
  const std::string binary(
      "\x7f"
      "ELF\2\1\1\0\0\0\xff",
      11);
  for (const char* name : {"a", "a.txt"}) {
    const base::Error error = ErrorOf({{Memory(name, binary)}});
    EXPECT_EQ(error.kind, ErrorKind::kInvalid);
    EXPECT_NE(error.message.find("1 line not UTF-8 text"), std::string::npos) << error.message;
  }
}

TEST(ReadCalibrationSet, UnreadableFiles) {
  EXPECT_EQ(ErrorOf({{{"/nowhere/a.jsonl"}}}).kind, ErrorKind::kNotFound);
  EXPECT_EQ(ErrorOf({{{::testing::TempDir()}}}).kind, ErrorKind::kInvalid);
  const std::string gzip = Gzip("{\"tokens\": [1]}\n");
  const base::Error cut =
      ErrorOf({{Memory("a.gz", std::string_view(gzip).substr(0, gzip.size() - 1))}});
  EXPECT_EQ(cut.kind, ErrorKind::kCorrupt);
  EXPECT_TRUE(cut.message.starts_with("\"a.gz\": truncated")) << cut.message;
  const std::string bomb = Gzip(std::string(kMaxLineBytes + 1, '['));
  EXPECT_EQ(ErrorOf({{Memory("bomb.gz", bomb)}}).kind, ErrorKind::kExhausted);
  EXPECT_EQ(ErrorOf({{Memory("bomb.txt.gz", bomb)}}).kind, ErrorKind::kExhausted);
}

TEST(ReadCalibrationSet, IdsOfAnotherVocabularyAreAnError) {
  const base::Error error =
      ErrorOf({{Memory("a", "{\"tokens\": [1]}\n{\"tokens\": [1, 100]}")}}, NoTokenizer());
  EXPECT_EQ(error.kind, ErrorKind::kInvalid);
  EXPECT_EQ(error.message,
            "\"a\": line 2: tokens: expected ids from 0 to 99, found 100 at index 1");
  ModelText small = Reference();
  small.vocab_size = 10;
  EXPECT_EQ(ErrorOf({{Memory("a", "{\"text\": \"hello\"}")}}, small).kind, ErrorKind::kInvalid);
}

TEST(ReadCalibrationSet, TheTokenizerIsLoadedByTheFirstTextOnly) {
  int loads = 0;
  ModelText model{kVocab, [&loads]() -> base::Result<const Tokenizer*> {
                    ++loads;
                    return &ReferenceTokenizer();
                  }};
  Read({{Memory("a", "{\"tokens\": [1]}")}, 1}, model);
  EXPECT_EQ(loads, 0);
  const char* mixed = "{\"tokens\": [1]}\n{\"text\": \"a\"}\n{\"text\": \"b\"}";
  EXPECT_EQ(Read({{Memory("a", mixed)}, 3}, model).sequences,
            Sequences({{1}, Encoded("a"), Encoded("b")}));
  EXPECT_EQ(loads, 1);
}

TEST(ReadCalibrationSet, LoadersThatFailOrAreMissing) {
  ModelText model{kVocab, [] { return base::Result<const Tokenizer*>(base::NotFound("gone")); }};
  const base::Error error = ErrorOf({{Memory("a", "\n{\"text\": \"b\"}")}}, model);
  EXPECT_EQ(error.kind, ErrorKind::kNotFound);
  EXPECT_EQ(error.message, "\"a\": line 2: gone");
  EXPECT_EQ(ErrorOf({{Memory("a.txt", "text")}}, NoTokenizer()).message,
            "\"a.txt\": needs a tokenizer, found none");
}

TEST(ReadCalibrationSet, StopsWhenAsked) {
  base::CancelFlag cancel;
  cancel.Set();
  for (const char* name : {"a", "a.txt"}) {
    const auto set = ReadCalibrationSet({{Memory(name, "text")}}, Reference(), cancel);
    ASSERT_FALSE(set.ok());
    EXPECT_EQ(set.error().kind, ErrorKind::kCancelled);
  }
}

TEST(ReadCalibrationSet, RefusesSamplesOfNoLength) {
  EXPECT_EQ(ErrorOf({{Memory("a", "{\"tokens\": [1]}")}, 1, 0}).kind, ErrorKind::kInvalid);
  EXPECT_EQ(ErrorOf({}).kind, ErrorKind::kInvalid);
}

TEST(ReadCalibrationSet, TheDefaultSetIsWholeInEitherForm) {
  for (const Turns turns : {Turns::kJoined, Turns::kTemplate}) {
    DataOptions options{.files = {DefaultCalibrationFile()}, .turns = turns};
    const CalibrationSet set = Read(options);
    EXPECT_EQ(set.sequences.size(), 256u);
    EXPECT_TRUE(Warnings(set.files[0]).empty());
    EXPECT_EQ(set.files[0].lines, 256u);
  }
}

}  // namespace
}  // namespace glimmer::data
