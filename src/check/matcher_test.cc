// The matchers against what vLLM's and SGLang's own code answers (tests/golden/engine_rules.json,
// made by tests/oracles/engine_rules.py), and shell patterns against Python's fnmatch.
#include "check/matcher.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "check/fnmatch.h"

namespace glimmer::check {
namespace {

using base::JsonArray;
using base::JsonObject;
using base::JsonValue;

std::vector<std::string> Strings(const JsonValue& array) {
  std::vector<std::string> strings;
  for (const JsonValue& entry : array.as_array()) strings.emplace_back(entry.as_string());
  return strings;
}

using List = std::vector<std::string>;

Match MatchSglang(const List& list, const EngineModule& module) {
  return SglangList(list).Find(module);
}

struct Answer {
  std::vector<std::string> unquantized, refused;
};

using ListMatcher = Match (*)(const std::vector<std::string>&, const EngineModule&);

Answer Ask(ListMatcher matcher, const std::vector<std::string>& list,
           const std::vector<std::string>& modules) {
  Answer answer;
  for (const std::string& name : modules) {
    const Match match = matcher(list, {name, {}, name.ends_with(".experts"), false});
    if (match.treatment == Treatment::kExcluded) {
      answer.unquantized.push_back(name);
    } else if (match.treatment != Treatment::kQuantized) {
      answer.refused.push_back(name);
    }
  }
  return answer;
}

class EngineGolden : public testing::Test {
 protected:
  void SetUp() override {
    const auto golden =
        base::ReadJsonObject(GLIMMER_SOURCE_DIR "/tests/golden/engine_rules.json", 10'000'000);
    ASSERT_TRUE(golden.ok());
    golden_ = golden.value();
  }

  void Compare(const char* engine, ListMatcher matcher) const {
    const auto modules = Strings(golden_.at("modules").at(engine));
    const JsonArray& cases = golden_.at("cases").as_array();
    ASSERT_GE(cases.size(), 40u);
    for (const JsonValue& one : cases) {
      const Answer answer = Ask(matcher, Strings(one.at("list")), modules);
      const JsonObject& expected = one.at(engine).as_object();
      EXPECT_EQ(answer.unquantized, Strings(expected.at("unquantized"))) << one.at("name");
      EXPECT_EQ(answer.refused, Strings(expected.at("refused"))) << one.at("name");
    }
  }

  JsonObject golden_;
};

TEST_F(EngineGolden, VllmLeavesTheSameModules) { Compare("vllm", MatchVllm); }
TEST_F(EngineGolden, SglangLeavesTheSameModules) { Compare("sglang", MatchSglang); }

TEST(Matcher, NamesTheRuleThatDecided) {
  const EngineModule down{"model.layers.70.mlp.down_proj", {}, false, false};
  EXPECT_STREQ(MatchVllm(List{"model.layers.7"}, down).rule, "V14");
  EXPECT_STREQ(MatchVllm(List{"model.layers.7*"}, down).rule, "V15");
  EXPECT_STREQ(MatchVllm(List{down.name}, down).rule, "V11");
  EXPECT_EQ(MatchSglang(List{"model.layers.7"}, down).treatment, Treatment::kQuantized);
  EXPECT_STREQ(MatchSglang(List{"model.layers.7*"}, down).rule, "S11");
  const EngineModule kv_b{"model.layers.3.self_attn.kv_b_proj", {}, false, false};
  EXPECT_STREQ(MatchSglang(List{"model.layers.9.self_attn.kv_b_proj"}, kv_b).rule, "S13");
  EXPECT_EQ(MatchTensorrtLlm(List{"self_attn"}, kv_b).treatment, Treatment::kQuantized);
  EXPECT_STREQ(MatchTensorrtLlm(List{"*.self_attn.*"}, kv_b).rule, "T03");
}

TEST(Matcher, MixedPrecisionNeedsItsLayers) {
  Announcement mixed;
  mixed.algorithm = "MIXED_PRECISION";
  mixed.layers = {{"model.layers.0.mlp.gate_proj", "NVFP4"},
                  {"model.layers.0.mlp.up_proj", "NVFP4"},
                  {"model.layers.1.mlp.experts.0.up_proj", "NVFP4"},
                  {"model.layers.2.mlp.gate_proj", "NVFP4"},
                  {"model.layers.2.mlp.up_proj", "FP8"}};
  const EngineModule joined{"model.layers.0.mlp.gate_up_proj", {}, false, false};
  const EngineModule experts{"model.layers.1.mlp.experts", {}, true, false};
  const EngineModule unequal{"model.layers.2.mlp.gate_up_proj", {}, false, false};
  const EngineModule absent{"model.layers.0.self_attn.o_proj", {}, false, false};
  EXPECT_EQ(MatchVllm(mixed, joined).treatment, Treatment::kQuantized);
  EXPECT_EQ(MatchVllm(mixed, experts).treatment, Treatment::kQuantized);
  EXPECT_EQ(MatchVllm(mixed, unequal).treatment, Treatment::kContradiction);
  EXPECT_EQ(MatchVllm(mixed, absent).treatment, Treatment::kExcluded);
  const SglangList empty(mixed.excluded);
  EXPECT_EQ(empty.Find(mixed, joined).treatment, Treatment::kExcluded);
  EXPECT_EQ(empty.Find(mixed, experts).treatment, Treatment::kQuantized);
}

TEST(Fnmatch, AgreesWithPython) {
  EXPECT_TRUE(Fnmatch("model.layers.10.mlp", "model.layers.1*"));
  EXPECT_TRUE(Fnmatch("lm_head", "lm_hea?"));
  EXPECT_FALSE(Fnmatch("lm_heads", "lm_hea?"));
  EXPECT_TRUE(Fnmatch("layer3", "layer[2-4]"));
  EXPECT_FALSE(Fnmatch("layer5", "layer[2-4]"));
  EXPECT_TRUE(Fnmatch("layer5", "layer[!2-4]"));
  EXPECT_TRUE(Fnmatch("a[b", "a[b"));
  EXPECT_TRUE(Fnmatch("a]b", "a[]]b"));
  EXPECT_TRUE(Fnmatch("", "*"));
  EXPECT_FALSE(Fnmatch("a", ""));
  EXPECT_TRUE(Fnmatch("mississippi", "m*iss*ip*i"));
  EXPECT_FALSE(Fnmatch("Lm_head", "lm_head"));
}

}  // namespace
}  // namespace glimmer::check
