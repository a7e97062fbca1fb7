#include "engine/generation_config.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "base/test_folder.h"

namespace glimmer::engine {
namespace {

using text::TokenId;

const ModelFacts kModel = {.vocab_size = 154880, .eos_token_id = {154820, 154827}};

base::Result<GenerationConfig> Parse(const std::string& text) {
  const base::JsonValue json = base::ParseJson(text, "test").value();
  return ParseGenerationConfig(json.get_object(), kModel, "generation_config.json");
}

// The file of GLM-5.1 and its successors.
TEST(ParseGenerationConfig, ReadsTheFileOfGlm) {
  const auto config = Parse(R"({"_from_model_config": true,
    "eos_token_id": [154820, 154827, 154829], "pad_token_id": 154820, "temperature": 1.0,
    "top_p": 0.95, "transformers_version": "5.16.0"})");
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config.value().eos_token_id, std::vector<TokenId>({154820, 154827, 154829}));
  EXPECT_EQ(config.value().pad_token_id, 154820);
  EXPECT_FALSE(config.value().do_sample);
  EXPECT_TRUE(config.value().WantsSampling());
  const SamplingOptions options = config.value().Sampling();
  EXPECT_TRUE(options.Check().ok());
  EXPECT_EQ(options.temperature, 1);
  EXPECT_EQ(options.top_p, 0.95);
  EXPECT_EQ(options.top_k, 0);
}

TEST(ParseGenerationConfig, ReadsEveryField) {
  const auto config = Parse(R"({"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.9,
    "min_p": 0.05, "repetition_penalty": 1.05, "max_new_tokens": 100, "max_length": 200,
    "eos_token_id": 7, "bos_token_id": 3, "pad_token_id": 0, "stop_strings": ["a", "b"]})");
  ASSERT_TRUE(config.ok()) << config.error().message;
  const GenerationConfig& c = config.value();
  const SamplingOptions options = c.Sampling();
  EXPECT_EQ(options.temperature, 0.6);
  EXPECT_EQ(options.top_k, 20);
  EXPECT_EQ(options.top_p, 0.9);
  EXPECT_EQ(options.min_p, 0.05);
  EXPECT_EQ(options.repetition_penalty, 1.05);
  EXPECT_EQ(c.max_new_tokens, 100);
  EXPECT_EQ(c.max_length, 200);
  EXPECT_EQ(c.eos_token_id, std::vector<TokenId>({7}));
  EXPECT_EQ(c.bos_token_id, 3);
  EXPECT_EQ(c.pad_token_id, 0);
  EXPECT_EQ(c.stop_strings, std::vector<std::string>({"a", "b"}));
}

TEST(ParseGenerationConfig, TakesWhatIsAbsentOrNullAsNotSaid) {
  for (const char* text : {"{}", R"({"temperature": null, "eos_token_id": null, "top_k": null,
                                     "stop_strings": null, "do_sample": null})"}) {
    const auto config = Parse(text);
    ASSERT_TRUE(config.ok()) << config.error().message;
    EXPECT_EQ(config.value().eos_token_id, std::vector<TokenId>({154820, 154827}));
    EXPECT_FALSE(config.value().WantsSampling());
    EXPECT_EQ(config.value().Sampling().temperature, 0);
    EXPECT_FALSE(config.value().pad_token_id || config.value().max_length);
  }
}

TEST(ParseGenerationConfig, DoSampleDecidesAndElseTheFieldsThatAreNamed) {
  const std::pair<const char*, double> temperatures[] = {
      {R"({"do_sample": false, "temperature": 0.7, "top_p": 0.9})", 0},
      {R"({"do_sample": true})", 1},
      {R"({"do_sample": true, "temperature": 0.7})", 0.7},
      {R"({"temperature": 0.7})", 0.7},
      {R"({"temperature": 0})", 0},
      {R"({"top_k": 5})", 1},
      {R"({"top_p": 0.5})", 1},
      {R"({"min_p": 0.1})", 1},
      {R"({"repetition_penalty": 1.1})", 0},
  };
  for (const auto& [text, temperature] : temperatures) {
    const auto config = Parse(text);
    ASSERT_TRUE(config.ok()) << config.error().message;
    EXPECT_EQ(config.value().Sampling().temperature, temperature) << text;
  }
}

TEST(ParseGenerationConfig, AcceptsOtherWaysToWriteIt) {
  EXPECT_EQ(Parse(R"({"top_k": -1})").value().top_k, 0);
  EXPECT_EQ(Parse(R"({"stop_strings": "x"})").value().stop_strings,
            std::vector<std::string>({"x"}));
  EXPECT_EQ(Parse(R"({"temperature": 1})").value().temperature, 1);
}

TEST(ParseGenerationConfig, AcceptsBookkeepingAndNeutralValues) {
  for (const char* member :
       {R"("use_cache": true)", R"("output_scores": false)", R"("output_anything": 1)",
        R"("return_dict_in_generate": true)", R"("cache_implementation": "hybrid")",
        R"("num_beams": 1)", R"("typical_p": 1.0)", R"("penalty_alpha": null)",
        R"("no_repeat_ngram_size": 0)", R"("bad_words_ids": [])", R"("generation_kwargs": {})",
        R"("token_healing": false)", R"("length_penalty": 2.0)", R"("guidance_scale": null)",
        R"("anything_unknown": null)"}) {
    const auto config = Parse("{" + std::string(member) + "}");
    EXPECT_TRUE(config.ok()) << config.error().message;
  }
}

struct Refusal {
  const char* text;
  base::ErrorKind kind;
  const char* said;
};

TEST(ParseGenerationConfig, RefusesWhatItWouldHaveToIgnore) {
  constexpr auto kInvalid = base::ErrorKind::kInvalid;
  constexpr auto kUnsupported = base::ErrorKind::kUnsupported;
  const Refusal refusals[] = {
      {R"({"num_beams": 4})", kUnsupported,
       "num_beams: only 1, which is without effect, is supported, found 4"},
      {R"({"typical_p": 0.9})", kUnsupported, "typical_p: only 1,"},
      {R"({"penalty_alpha": 0.6})", kUnsupported, "penalty_alpha: only 0,"},
      {R"({"no_repeat_ngram_size": 3})", kUnsupported, "no_repeat_ngram_size"},
      {R"({"min_new_tokens": 3})", kUnsupported, "min_new_tokens"},
      {R"({"num_beams": "1"})", kUnsupported, "num_beams"},
      {R"({"bad_words_ids": [[1]]})", kUnsupported,
       "bad_words_ids: the option is not supported, expected null, found [[1]]"},
      {R"({"suppress_tokens": [1]})", kUnsupported, "suppress_tokens"},
      {R"({"token_healing": true})", kUnsupported, "token_healing: only false"},
      {R"({"temprature": 5})", kUnsupported,
       "temprature: expected an option of transformers' GenerationConfig, found 5"},
      {R"({"temperature": -1})", kInvalid, "temperature: expected a number from 0 to 100"},
      {R"({"temperature": 1e3})", kInvalid, "temperature"},
      {R"({"temperature": "1"})", kInvalid, "temperature"},
      {R"({"top_p": 0})", kInvalid, "top_p: expected a number above 0, found 0"},
      {R"({"top_p": 1.01})", kInvalid, "top_p: expected a number from 0 to 1, found 1.01"},
      {R"({"top_k": -2})", kInvalid, "top_k"},
      {R"({"top_k": 1.5})", kInvalid, "top_k"},
      {R"({"min_p": 2})", kInvalid, "min_p"},
      {R"({"repetition_penalty": 0})", kInvalid, "repetition_penalty"},
      {R"({"max_new_tokens": 0})", kInvalid, "max_new_tokens"},
      {R"({"max_length": -5})", kInvalid, "max_length"},
      {R"({"do_sample": 1})", kInvalid, "do_sample: expected true or false, found 1"},
      {R"({"eos_token_id": 154880})", kInvalid,
       "eos_token_id: expected ids from 0 to 154879, found 154880"},
      {R"({"eos_token_id": [1, -1]})", kInvalid, "eos_token_id"},
      {R"({"eos_token_id": []})", kInvalid, "eos_token_id: expected an id, found []"},
      {R"({"pad_token_id": 154880})", kInvalid, "pad_token_id"},
      {R"({"bos_token_id": "x"})", kInvalid, "bos_token_id"},
      {R"({"stop_strings": ["a", ""]})", kInvalid, "stop_strings"},
      {R"({"stop_strings": 5})", kInvalid, "stop_strings"},
  };
  for (const Refusal& refusal : refusals) {
    const auto config = Parse(refusal.text);
    ASSERT_FALSE(config.ok()) << refusal.text;
    const std::string& message = config.error().message;
    EXPECT_EQ(config.error().kind, refusal.kind) << message;
    EXPECT_EQ(message.find("generation_config.json: " + std::string(refusal.said)), 0u) << message;
    EXPECT_TRUE(message.ends_with("; --generation-config none ignores the file")) << message;
  }
}

class ReadGenerationConfigTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) const {
    const std::string path = folder_ / kGenerationConfigName;
    EXPECT_TRUE(base::WriteFileAtomically(path, text).ok());
  }

  base::TestFolder folder_;
};

TEST_F(ReadGenerationConfigTest, AFolderWithoutTheFileHasTheDefaults) {
  const auto config = ReadGenerationConfig(folder_.path(), kModel);
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config.value().eos_token_id, std::vector<TokenId>({154820, 154827}));
  EXPECT_FALSE(config.value().WantsSampling());
}

TEST_F(ReadGenerationConfigTest, ErrorsNameTheFile) {
  Write(R"({"top_p": 7})");
  const auto wrong = ReadGenerationConfig(folder_.path(), kModel);
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(
      wrong.error().message.find(folder_.path() + "/generation_config.json\": top_p: expected"),
      std::string::npos)
      << wrong.error().message;
  Write("[]");
  EXPECT_EQ(ReadGenerationConfig(folder_.path(), kModel).error().kind, base::ErrorKind::kCorrupt);
}

TEST(ReadGenerationConfig, ReadsTheReferenceModels) {
  const auto config = ReadGenerationConfig(std::string(GLIMMER_SOURCE_DIR) + "/models/reference",
                                           {.vocab_size = 4096});
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config.value().eos_token_id, std::vector<TokenId>({4060, 4067, 4069}));
  EXPECT_TRUE(config.value().WantsSampling());
}

}  // namespace
}  // namespace glimmer::engine
