#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/json.h"
#include "text/stream_decoder.h"
#include "text/test_files.h"
#include "unicode/random_text.h"
#include "unicode/utf8.h"

namespace glimmer::text {
namespace {

using unicode::AppendUtf8;
using unicode::RandomText;
using unicode::Repaired;
using unicode::ValidPrefixBytes;

using Ids = std::vector<TokenId>;
using base::ErrorKind;

// A tokenizer.json of the 256 bytes and a few merges. Each part can be put in another's place.
struct Small {
  std::string normalizer = "null";
  std::string pre_tokenizer = R"({"type": "ByteLevel", "add_prefix_space": false})";
  std::string post_processor = "null";
  std::string decoder = R"({"type": "ByteLevel"})";
  std::string added_tokens = R"([{"id": 300, "content": "<s>", "special": true},
                                 {"id": 301, "content": "<t>"}])";
  std::string extra_tokens = R"(, "ab": 256, "abc": 257)";
  std::string merges = R"(["a b", "ab c"])";
  std::string extra_model_fields{};
  std::string extra_fields{};

  std::string Json() const {
    std::string vocab;
    for (int byte = 0, next = 0x100; byte < 256; ++byte) {
      const bool itself = (byte > 32 && byte < 127) || (byte > 160 && byte < 173) || byte > 173;
      std::string spelling;
      AppendUtf8(static_cast<uint32_t>(itself ? byte : next++), spelling);
      if (spelling == "\"" || spelling == "\\") spelling.insert(0, "\\");
      vocab += (byte == 0 ? "\"" : ", \"") + spelling + "\": " + std::to_string(byte);
    }
    return R"({"version": "1.0", "truncation": null, "padding": null, "added_tokens": )" +
           added_tokens + R"(, "normalizer": )" + normalizer + R"(, "pre_tokenizer": )" +
           pre_tokenizer + R"(, "post_processor": )" + post_processor + R"(, "decoder": )" +
           decoder + extra_fields + R"(, "model": {"type": "BPE")" + extra_model_fields +
           R"(, "vocab": {)" + vocab + extra_tokens + R"(}, "merges": )" + merges + "}}";
  }
};

Tokenizer Make(const Small& small) {
  auto made = Tokenizer::FromJson(small.Json(), "small.json");
  EXPECT_TRUE(made.ok()) << made.error().message;
  return std::move(made).value();
}

void ExpectRefusal(const Small& small, ErrorKind kind, const std::string& message) {
  const auto made = Tokenizer::FromJson(small.Json(), "small.json");
  ASSERT_FALSE(made.ok()) << message;
  EXPECT_EQ(made.error().message, message);
  EXPECT_EQ(made.error().kind, kind) << message;
}

TEST(Tokenizer, EncodesAndDecodes) {
  for (const char* merges : {R"(["a b", "ab c"])", R"([["a", "b"], ["ab", "c"]])"}) {
    const Tokenizer tokenizer = Make({.merges = merges});
    EXPECT_EQ(tokenizer.Encode("abcab<s>c<t>").value(), (Ids{257, 256, 300, 'c', 301}));
    EXPECT_EQ(tokenizer.Decode(Ids{257, 300, 'c', 301}).value(), "abc<s>c<t>");
    EXPECT_EQ(tokenizer.Decode(Ids{257, 300, 'c', 301}, {.skip_special_tokens = true}).value(),
              "abcc<t>");
    EXPECT_EQ(tokenizer.Encode("").value(), Ids());
    EXPECT_EQ(tokenizer.VocabSize(), 302u);
    EXPECT_EQ(tokenizer.TokenBytes(257), "abc");
    EXPECT_EQ(tokenizer.TokenBytes(299), std::nullopt);
    EXPECT_EQ(tokenizer.TokenBytes(-1), std::nullopt);
    EXPECT_EQ(tokenizer.IdOf("<s>"), 300);
    EXPECT_EQ(tokenizer.IdOf("ab"), 256);
    EXPECT_EQ(tokenizer.IdOf("nothing"), std::nullopt);
    EXPECT_TRUE(tokenizer.IsSpecial(300) && !tokenizer.IsSpecial(301));
    EXPECT_EQ(tokenizer.added_tokens().size(), 2u);
  }
}

TEST(Tokenizer, RecognisesAddedTokensAsAsked) {
  const Tokenizer tokenizer = Make({});
  const auto encode = [&](AddedTokens added) {
    return tokenizer.Encode("<s><t>", {.added_tokens = added}).value();
  };
  EXPECT_EQ(encode(AddedTokens::kAll), (Ids{300, 301}));
  EXPECT_EQ(encode(AddedTokens::kNotSpecial), (Ids{'<', 's', '>', 301}));
  EXPECT_EQ(encode(AddedTokens::kNone), (Ids{'<', 's', '>', '<', 't', '>'}));
}

TEST(Tokenizer, RepairsInvalidInput) {
  const Tokenizer tokenizer = Make({});
  EXPECT_EQ(tokenizer
                .Encode("a\xff"
                        "b")
                .value(),
            tokenizer.Encode("a�b").value());
  EXPECT_EQ(tokenizer.Encode("\xe4\xb8").value(), tokenizer.Encode("�").value());
}

TEST(Tokenizer, RefusesIdsThatNoTokenHas) {
  const Tokenizer tokenizer = Make({});
  const auto decoded = tokenizer.Decode(Ids{'a', 299});
  EXPECT_EQ(decoded.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(decoded.error().message,
            "token id 299 (at place 1): no token of the vocabulary has it (ids go up to 301)");
  EXPECT_FALSE(tokenizer.Decode(Ids{-1}).ok() || tokenizer.Decode(Ids{302}).ok());
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.Push(0xc3).value(), "");
  EXPECT_FALSE(decoder.Push(302).ok());
  EXPECT_EQ(decoder.Push(0xa9).value(), "é");
}

TEST(Tokenizer, IsReadFromAFileByName) {
  const auto missing = Tokenizer::Load("/nowhere/tokenizer.json");
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(missing.error().message.find("/nowhere/tokenizer.json"), std::string::npos);
}

TEST(Tokenizer, RefusesWhatItDoesNotKnow) {
  const auto unknown = [](Small small, const std::string& message) {
    ExpectRefusal(small, ErrorKind::kUnsupported, message);
  };
  unknown({.extra_fields = R"(, "extra": 1)"}, R"(small.json: the field "extra" is not known)");
  unknown({.normalizer = R"({"type": "NFKC"})"},
          R"(small.json: normalizer.type: "NFKC" is not known; glimmer reads NFC and Sequence)");
  unknown({.pre_tokenizer = R"({"type": "Metaspace"})"},
          "small.json: pre_tokenizer.type: \"Metaspace\" is not known; glimmer reads ByteLevel, "
          "Digits, Sequence and Split");
  unknown({.pre_tokenizer = "null"},
          "small.json: pre_tokenizer: has no ByteLevel; glimmer reads byte-level BPE only");
  unknown({.pre_tokenizer = R"({"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"},
                               {"type": "Digits"}]})"},
          "small.json: pre_tokenizer.pretokenizers[1]: a step after ByteLevel");
  unknown({.pre_tokenizer = R"({"type": "ByteLevel", "more": 1})"},
          R"(small.json: pre_tokenizer: the field "more" is not known)");
  unknown({.decoder = R"({"type": "WordPiece"})"},
          R"(small.json: decoder.type: "WordPiece" is not known; glimmer reads ByteLevel)");
  unknown({.decoder = "null"}, "small.json: decoder: is missing; glimmer reads ByteLevel");
  unknown({.post_processor = R"({"type": "BertProcessing"})"},
          "small.json: post_processor.type: \"BertProcessing\" is not known; glimmer reads "
          "ByteLevel, Sequence and TemplateProcessing");
  for (const auto& [field, value] : {std::pair{"dropout", "0.1"},
                                     {"unk_token", "\"a\""},
                                     {"byte_fallback", "true"},
                                     {"continuing_subword_prefix", "\"##\""},
                                     {"end_of_word_suffix", "\"</w>\""}}) {
    unknown({.extra_model_fields = std::string(", \"") + field + "\": " + value},
            std::string("small.json: model.") + field + ": is set, which glimmer does not handle");
  }
}

TEST(Tokenizer, RefusesContradictions) {
  const auto invalid = [](Small small, const std::string& message) {
    ExpectRefusal(small, ErrorKind::kInvalid, message);
  };
  invalid({.extra_tokens = R"(, "ab": 256, "abc": 256)"},
          R"(small.json: model.vocab: the id stands there twice (token "abc", id 256))");
  invalid({.extra_tokens = R"(, "ab": 256, "ab": 257)"},
          R"(small.json: model.vocab: the token stands there twice (token "ab", id 257))");
  invalid({.merges = R"(["a b", "x y"])"},
          R"(small.json: model.merges: rule 1: "xy" is no token of model.vocab)");
  invalid({.merges = R"(["a b", "a b"])"},
          R"(small.json: model.merges: rule 1: the pair "a" and "b" has a rule already)");
  invalid({.added_tokens = R"([{"id": 257, "content": "<s>"}])"},
          R"(small.json: added_tokens: "<s>" (id 257): the id is that of "abc")");
  invalid({.added_tokens = R"([{"id": 300, "content": "abc"}])"},
          R"(small.json: added_tokens: "abc" (id 300): has the id 257 in model.vocab)");
  invalid({.added_tokens = R"([{"id": 300, "content": "x1"}, {"id": 300, "content": "x2"}])"},
          R"(small.json: added_tokens: "x2" (id 300): the id is that of "x1")");
  invalid({.added_tokens = R"([{"id": 300, "content": "x1"}, {"id": 301, "content": "x1"}])"},
          R"(small.json: added_tokens: "x1" (id 301): stands there twice)");
  invalid({.added_tokens = R"([{"id": -1, "content": "x1"}])"},
          "small.json: added_tokens[0]: id: expected an integer from 0 to 16777215, found -1");
  invalid({.added_tokens = R"([{"id": 1}])"},
          "small.json: added_tokens[0]: content: is missing or empty");
  const std::string one = R"({"type": "TemplateProcessing", "single": [{"SpecialToken":
      {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [],
      "special_tokens": {"<s>": {"id": "<s>", "ids": [999], "tokens": ["<s>"]}}})";
  invalid({.post_processor = one}, "small.json: post_processor: no token has the id 999");
}

TEST(Tokenizer, RefusesDamagedFiles) {
  const auto corrupt = [](Small small, const std::string& part) {
    const auto made = Tokenizer::FromJson(small.Json(), "small.json");
    ASSERT_FALSE(made.ok()) << part;
    EXPECT_EQ(made.error().kind, ErrorKind::kCorrupt);
    EXPECT_NE(made.error().message.find(part), std::string::npos) << made.error().message;
  };
  corrupt({.extra_tokens = R"(, "ab": "x")"},
          R"(small.json: model.vocab: "ab": expected an id, found a text (line 2, column )");
  corrupt({.extra_tokens = R"(, "ab": -5)"}, R"("ab": the id -5 is not within 0 and 16777215)");
  corrupt({.extra_tokens = R"(, "ab": 99999999999999999999)"}, R"("ab": expected an id)");
  corrupt({.extra_tokens = R"(, "ab": [1])"}, R"("ab": expected an id, found an array)");
  corrupt({.merges = R"(["a b", "ab"])"}, R"(rule 1: expected two tokens, found "ab")");
  corrupt({.merges = R"(["a b c"])"}, R"(rule 0: expected two tokens, found "a b c")");
  corrupt({.merges = R"([["a"]])"}, "rule 0: expected two tokens, found a pair that has not two");
  corrupt({.merges = R"([["a", "b", "c"]])"}, "rule 1: expected two tokens, found more than two");
  corrupt({.merges = R"([["a", ""]])"}, "rule 0: expected two tokens, found an empty one");
  corrupt({.merges = "[1]"}, "rule 0: expected two tokens, found a number");
  corrupt({.merges = "[\"a b\""}, "not JSON");
  corrupt({.extra_fields = R"(, "version": "1")"}, R"(the key "version" stands twice)");
  EXPECT_FALSE(Tokenizer::FromJson("", "x").ok());
  EXPECT_FALSE(Tokenizer::FromJson("[]", "x").ok());
  EXPECT_FALSE(Tokenizer::FromJson("{}", "x").ok());
  EXPECT_FALSE(Tokenizer::FromJson(Small{}.Json() + "x", "x").ok());
}

// A vocabulary that lacks a byte could not encode every text.
TEST(Tokenizer, RefusesAVocabularyWithoutAByte) {
  const auto made = Tokenizer::FromTiktokenText("YQ== 0\nYg== 1\n", "two", "a|b", {});
  EXPECT_EQ(made.error().message,
            "two: the vocabulary has no token for the byte 0x00, so that some text could not be "
            "encoded");
}

TEST(Tokenizer, RefusesDamagedRankFiles) {
  for (const char* line :
       {"YQ==", "YQ== x", "YQ== -1", "Y 1", "Y!== 1", " 1", "YQ== 1 2", "YQ== 16777216"}) {
    const auto made = Tokenizer::FromTiktokenText(line, "ranks", "a", {});
    EXPECT_EQ(made.error().kind, ErrorKind::kCorrupt) << line;
    EXPECT_NE(made.error().message.find("ranks: line 1: expected base64"), std::string::npos);
  }
  const auto twice = Tokenizer::FromTiktokenText("YQ== 0\nYQ== 1\n", "ranks", "a", {});
  EXPECT_EQ(twice.error().message,
            "ranks: line 2: the token \"a\" or its rank 1 stands there twice");
}

TEST(Tokenizer, SaysWhichExpressionIsTooHard) {
  const Tokenizer tokenizer = Make({.pre_tokenizer = R"({"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": "(a|a|aa)+[bc]$"}, "behavior": "Isolated",
       "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})"});
  EXPECT_EQ(tokenizer.SplitterName(), "regex");
  const auto ids = tokenizer.Encode(std::string(60, 'a') + "bx");
  EXPECT_EQ(ids.error().kind, ErrorKind::kExhausted);
  EXPECT_TRUE(tokenizer.Encode("aab").ok());
}

TEST(Tokenizer, GivesBackEveryText) {
  const Tokenizer tokenizer = TestTokenizer("reference");
  RandomText random(5);
  for (int i = 0; i < 3000; ++i) {
    const std::string text = random.Text(random.Below(30));
    EXPECT_EQ(tokenizer.Decode(tokenizer.Encode(text).value()).value(), text);
  }
}

TEST(Tokenizer, TakesMegabytesOfAnything) {
  const Tokenizer tokenizer = TestTokenizer("reference");
  for (const std::string unit : {"a", " ", "\n", "中", "<", "<|", "\xff", "e\u0301"}) {
    std::string text;
    while (text.size() < 1 << 20) text += unit;
    const Ids ids = tokenizer.Encode(text).value();
    EXPECT_EQ(tokenizer.Decode(ids).value(), unit == "\xff" ? Repaired(text) : text);
  }
}

// Each rstrip token could walk through all the white space that the one before has taken.
TEST(Tokenizer, IsLinearInTokensThatTakeSpaces) {
  const Tokenizer tokenizer = Make({.added_tokens = R"([
      {"id": 300, "content": "\n", "rstrip": true, "lstrip": true}, {"id": 301, "content": "\r"}])"});
  std::string text;
  while (text.size() < 1 << 20) text += "\n\r";
  EXPECT_EQ(tokenizer.Encode(text).value().size(), text.size());
}

TEST(Tokenizer, ServesSeveralThreads) {
  const Tokenizer tokenizer = TestTokenizer("reference");
  RandomText random(9);
  const std::string text = random.Text(20000);
  const Ids expected = tokenizer.Encode(text).value();
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round) {
        wrong += tokenizer.Encode(text).value() != expected;
        wrong += tokenizer.Decode(expected).value() != text;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(StreamDecoder, NeverGivesHalfACharacterAndEqualsDecode) {
  const Tokenizer tokenizer = TestTokenizer("reference");
  RandomText random(13);
  for (int i = 0; i < 3000; ++i) {
    Ids ids;
    while (ids.size() < 10) ids.push_back(static_cast<TokenId>(random.Below(i % 2 ? 256 : 4096)));
    StreamDecoder decoder(tokenizer);
    std::string text;
    for (const TokenId id : ids) {
      const std::string part = decoder.Push(id).value();
      EXPECT_EQ(ValidPrefixBytes(part), part.size());
      text += part;
    }
    text += decoder.Finish();
    EXPECT_EQ(text, tokenizer.Decode(ids).value());
    EXPECT_FALSE(decoder.HoldsBack());
  }
}

}  // namespace
}  // namespace glimmer::text
