#include "model/inventory.h"

#include <gtest/gtest.h>

#include <set>

#include "base/file.h"
#include "base/json.h"
#include "model/config.h"

namespace glimmer::model {
namespace {

base::JsonObject ReadConfig(const std::string& name) {
  auto json = base::ReadJsonObject(
      std::string(GLIMMER_SOURCE_DIR) + "/tests/testdata/configs/" + name, kMaxConfigBytes);
  EXPECT_TRUE(json.ok()) << json.error().message;
  return std::move(json).value();
}

struct Totals {
  size_t tensors = 0, mtp_tensors = 0, linears = 0;
  uint64_t parameters = 0;
};

Totals Count(const Config& config) {
  Totals totals;
  for (const TensorSpec& spec : ListTensors(config)) {
    ++totals.tensors;
    totals.mtp_tensors += spec.mtp;
    totals.linears += IsLinear(spec.kind) && !spec.mtp;
    totals.parameters += *tensor::ElementCount(spec.shape);
  }
  return totals;
}

TEST(ListTensors, Glm51HasThePublishedCounts) {
  const auto config = ParseConfig(ReadConfig("glm-5.1.json"), "glm-5.1.json");
  ASSERT_TRUE(config.ok()) << config.error().message;
  const Totals totals = Count(config.value());
  EXPECT_EQ(totals.tensors, 59'870u);
  EXPECT_EQ(totals.mtp_tensors, 791u);
  EXPECT_EQ(totals.linears, 58'459u);
  EXPECT_EQ(totals.parameters, 753'864'139'008u);
}

TEST(ListTensors, Glm52SharesIndexersOutsideTheMtpLayer) {
  const auto config = ParseConfig(ReadConfig("glm-5.2.json"), "glm-5.2.json");
  ASSERT_TRUE(config.ok()) << config.error().message;
  const Totals totals = Count(config.value());
  EXPECT_EQ(totals.tensors, 59'870u - 57 * 5);
  EXPECT_EQ(totals.mtp_tensors, 791u);
  EXPECT_EQ(totals.linears, 58'459u - 57 * 3);
}

TEST(ListTensors, NamesAreUniqueAndGroupsShareTheirInputWidth) {
  const auto config = ParseConfig(ReadConfig("glm-5b.json"), "glm-5b.json");
  ASSERT_TRUE(config.ok());
  std::set<std::string> names;
  std::map<uint32_t, std::set<uint64_t>> widths;
  std::map<uint32_t, size_t> members;
  for (const TensorSpec& spec : ListTensors(config.value())) {
    EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
    if (!IsLinear(spec.kind)) continue;
    widths[spec.input_group].insert(spec.shape[1]);
    ++members[spec.input_group];
  }
  std::set<size_t> sizes;
  for (const auto& [group, width] : widths) EXPECT_EQ(width.size(), 1u);
  for (const auto& [group, count] : members) sizes.insert(count);
  EXPECT_EQ(sizes, (std::set<size_t>{1, 2, 4}));
}

TEST(ListTensors, MatchesTheReferenceModelsShapes) {
  const std::string folder = std::string(GLIMMER_SOURCE_DIR) + "/models/reference";
  const auto json = base::ReadJsonObject(folder + "/config.json", kMaxConfigBytes);
  ASSERT_TRUE(json.ok());
  const auto config = ParseConfig(json.value(), "config.json");
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(Count(config.value()).tensors, 714u);
  EXPECT_EQ(Count(config.value()).parameters, 14'046'656u);
}

struct BadConfig {
  const char* key;
  base::JsonValue value;
  const char* said;
};

TEST(ParseConfig, NamesTheFieldThatIsWrong) {
  const base::JsonObject good = ReadConfig("glm-5.1.json");
  const BadConfig cases[] = {
      {"hidden_size", 0, "config.json: hidden_size: expected an integer from 1"},
      {"hidden_size", "6144", "config.json: hidden_size: expected an integer"},
      {"num_experts_per_tok", 257, "num_experts_per_tok: 257 is more than n_routed_experts 256"},
      {"n_group", 3, "n_group: 3 does not divide"},
      {"topk_group", 2, "topk_group: 2 is more than n_group 1"},
      {"first_k_dense_replace", 79, "first_k_dense_replace: 79 is more than num_hidden_layers 78"},
      {"qk_head_dim", 255, "qk_head_dim: 255 is not"},
      {"index_head_dim", 32, "index_head_dim: 32 is less than qk_rope_head_dim 64"},
      {"eos_token_id", 154880, "eos_token_id: expected ids below vocab_size 154880"},
      {"hidden_act", "gelu", "hidden_act: gelu is not supported"},
      {"attention_bias", true, "attention_bias: true is not supported"},
      {"tie_word_embeddings", true, "tie_word_embeddings: true is not supported"},
      {"topk_method", "greedy", "topk_method: greedy is not supported"},
      {"rope_parameters", {{"rope_type", "yarn"}}, "rope_parameters: rope_type: yarn"},
      {"mlp_layer_types", base::JsonArray{"dense"}, "mlp_layer_types: has 1 entries"},
      {"index_topk_pattern", "FX", "index_topk_pattern: expected F or S"},
      {"model_type", "deepseek_v3", "is not supported: glimmer handles"},
      {"architectures", base::JsonArray{"LlamaForCausalLM"}, "LlamaForCausalLM"},
  };
  for (const BadConfig& bad : cases) {
    base::JsonObject json = good;
    json[bad.key] = bad.value;
    const auto config = ParseConfig(json, "config.json");
    ASSERT_FALSE(config.ok()) << bad.key;
    EXPECT_NE(config.error().message.find(bad.said), std::string::npos) << config.error().message;
  }
  base::JsonObject json = good;
  json.erase("kv_lora_rank");
  EXPECT_EQ(ParseConfig(json, "c").error().message, "c: kv_lora_rank: is missing");
}

TEST(ParseConfig, IndexerKindsByListPatternAndRule) {
  base::JsonObject json = ReadConfig("glm-5.2.json");
  const auto listed = ParseConfig(json, "c").value().indexer_types;
  json.erase("indexer_types");
  EXPECT_EQ(ParseConfig(json, "c").value().indexer_types, listed);  // freq 4, offset 3
  std::string pattern;
  for (const IndexerKind kind : listed) pattern += kind == IndexerKind::kFull ? 'F' : 'S';
  json["index_topk_freq"] = 1;
  EXPECT_NE(ParseConfig(json, "c").value().indexer_types, listed);
  json["index_topk_pattern"] = pattern;
  EXPECT_EQ(ParseConfig(json, "c").value().indexer_types, listed);
  json["index_topk_pattern"] = "S" + pattern.substr(1);
  EXPECT_FALSE(ParseConfig(json, "c").ok());
}

TEST(AnnouncedFormat, SaysWhatTheWeightsAre) {
  EXPECT_EQ(AnnouncedFormat(ReadConfig("glm-5.1.json"), "c").value(), WeightFormat::kBf16);
  EXPECT_EQ(AnnouncedFormat(ReadConfig("glm-5.1-nvfp4.json"), "c").value(),
            WeightFormat::kModeloptNvfp4);
  const auto fp8 = AnnouncedFormat(ReadConfig("glm-5.1-fp8.json"), "c");
  ASSERT_FALSE(fp8.ok());
  EXPECT_NE(fp8.error().message.find("quantized to FP8 in blocks of [128,128]"), std::string::npos)
      << fp8.error().message;
  base::JsonObject f16 = ReadConfig("glm-5.1.json");
  f16["dtype"] = "float16";
  EXPECT_EQ(AnnouncedFormat(f16, "c").error().kind, base::ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace glimmer::model
