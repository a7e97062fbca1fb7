#include "quant/plan.h"

#include <gtest/gtest.h>

#include <set>

#include "base/file.h"
#include "base/json.h"

namespace glimmer::quant {
namespace {

Plan MakeFor(const std::string& config_name, const std::string& recipe_name,
             PlanOptions options = {}) {
  const std::string path =
      std::string(GLIMMER_SOURCE_DIR) + "/tests/testdata/configs/" + config_name;
  auto json = base::ReadJsonObject(path, model::kMaxConfigBytes);
  auto config = model::ParseConfig(json.value(), config_name);
  auto recipe = LoadRecipe(recipe_name);
  std::vector<model::TensorSpec> specs = model::ListTensors(config.value());
  auto plan = MakePlan(config.value(), std::move(specs), recipe.value(), options);
  EXPECT_TRUE(plan.ok()) << plan.error().message;
  return std::move(plan).value();
}

double Gb(uint64_t bytes) { return static_cast<double>(bytes) / 1e9; }

TEST(MakePlan, Glm51HasTheCardsFigures) {
  const Plan plan = MakeFor("glm-5.1.json", "nvfp4");
  const PlanTotals& totals = plan.totals;
  EXPECT_EQ(totals.linears_total, 58'459u);
  EXPECT_EQ(totals.linears_quantized, 58'458u);
  EXPECT_EQ(totals.parameters_total, 753'864'139'008u);
  EXPECT_NEAR(Gb(totals.bytes_source), 1507.7, 0.05);
  EXPECT_EQ(totals.tensors_main, 234'453u);
  EXPECT_EQ(totals.tensors_mtp, 791u);
  EXPECT_EQ(totals.tensors_total(), 235'244u);
  EXPECT_EQ(totals.shards, 85u);
  EXPECT_NEAR(Gb(totals.bytes_main), 421.36, 0.005);
  EXPECT_NEAR(Gb(totals.bytes_mtp), 19.91, 0.005);
  EXPECT_NEAR(Gb(totals.bytes_total()), 441.26, 0.005);
  for (const OutputFile& file : plan.files) {
    if (file.name == kMtpFileName) continue;
    EXPECT_LE(file.file_bytes - file.first_bytes.size(), kDefaultMaxShardBytes) << file.name;
  }
}

TEST(MakePlan, Glm51SiblingRecipes) {
  const Plan serve = MakeFor("glm-5.1.json", "nvfp4-serve");
  EXPECT_EQ(serve.totals.linears_quantized, 58'146u);
  EXPECT_EQ(serve.totals.tensors_total(), 234'308u);
  EXPECT_NEAR(Gb(serve.totals.bytes_total()), 443.96, 0.005);

  const Plan experts = MakeFor("glm-5.1.json", "nvfp4-experts");
  EXPECT_EQ(experts.totals.linears_quantized, 57'600u);
  EXPECT_EQ(experts.totals.tensors_total(), 232'670u);
  EXPECT_NEAR(Gb(experts.totals.bytes_total()), 465.86, 0.005);
  EXPECT_EQ(experts.totals.shards, 90u);
}

// The index of nvidia/GLM-5.2-NVFP4 (routed experts only) holds this many tensors.
TEST(MakePlan, Glm52MatchesNvidiasIndex) {
  EXPECT_EQ(MakeFor("glm-5.2.json", "nvfp4-experts").totals.tensors_total(), 232'385u);
}

TEST(MakePlan, WeightsOnlyDropsInputScales) {
  const Plan plan = MakeFor("glm-5.1.json", "nvfp4", {.weights_only = true});
  EXPECT_EQ(plan.totals.tensors_main, 234'453u - 58'458u);
}

TEST(MakePlan, EveryPlaceHoldsItsPart) {
  const Plan plan = MakeFor("glm-5b.json", "nvfp4-serve", {.max_shard_bytes = 50'000'000});
  size_t placed = 0;
  std::set<std::pair<uint32_t, uint32_t>> used;
  for (size_t i = 0; i < plan.specs.size(); ++i) {
    for (size_t part = 0; part < kParts; ++part) {
      const Place& place = plan.tensors[i].places[part];
      if (!place.written()) continue;
      ++placed;
      EXPECT_TRUE(used.insert({place.file, place.slot}).second);
      EXPECT_EQ(plan.files[place.file].tensors[place.slot].name,
                PartName(plan.specs[i].name, static_cast<Part>(part)));
    }
  }
  EXPECT_EQ(placed, plan.totals.tensors_total());
}

TEST(IgnoreList, NvfP4ListsWhatEnginesMustNotQuantize) {
  const Plan plan = MakeFor("glm-5.1.json", "nvfp4");
  ASSERT_EQ(plan.ignore.size(), 1u + 75 + 1);
  EXPECT_EQ(plan.ignore.front(), "lm_head");
  EXPECT_EQ(plan.ignore[1], "model.layers.3.mlp.gate");
  EXPECT_EQ(plan.ignore.back(), "model.layers.78*");
}

TEST(IgnoreList, ServeAndExpertsUseTheSafeSpellings) {
  const auto contains = [](const Plan& plan, const std::string& entry) {
    return std::find(plan.ignore.begin(), plan.ignore.end(), entry) != plan.ignore.end();
  };
  const Plan serve = MakeFor("glm-5.1.json", "nvfp4-serve");
  EXPECT_TRUE(contains(serve, "model.layers.0.self_attn.indexer*"));
  EXPECT_TRUE(contains(serve, "model.layers.77.self_attn.kv_b_proj"));
  EXPECT_FALSE(contains(serve, "model.layers.0.mlp.gate"));  // dense: would hit gate_up_proj
  EXPECT_EQ(serve.ignore.size(), 1u + 78 * 2 + 75 + 1);

  const Plan experts = MakeFor("glm-5.1.json", "nvfp4-experts");
  EXPECT_TRUE(contains(experts, "model.layers.0.self_attn*"));
  EXPECT_TRUE(contains(experts, "model.layers.2.mlp*"));
  EXPECT_TRUE(contains(experts, "model.layers.3.mlp.gate"));
  EXPECT_TRUE(contains(experts, "model.layers.3.mlp.shared_experts*"));
  EXPECT_EQ(experts.ignore.size(), 1u + 78 + 3 + 75 * 2 + 1);
}

TEST(IgnoreList, RefusesWhatNoEngineCanRead) {
  auto json =
      base::ReadJsonObject(std::string(GLIMMER_SOURCE_DIR) + "/tests/testdata/configs/glm-5b.json",
                           model::kMaxConfigBytes);
  const model::Config config = model::ParseConfig(json.value(), "c").value();
  const auto plan_with = [&](const std::string& linears) {
    auto recipe = ParseRecipe("kv_cache: none\nlinears:\n" + linears, "mine", "mine.yaml");
    EXPECT_TRUE(recipe.ok()) << recipe.error().message;
    return MakePlan(config, model::ListTensors(config), recipe.value(), {});
  };
  const auto one_expert =
      plan_with("  - {modules: 'model.layers.1.mlp.experts.3.*', format: nvfp4}\n");
  ASSERT_FALSE(one_expert.ok());
  EXPECT_NE(one_expert.error().message.find("model.layers.1.mlp.experts: 3 of 192"),
            std::string::npos)
      << one_expert.error().message;

  const auto one_kv_b = plan_with(
      "  - {modules: '*', format: nvfp4}\n  - {modules: lm_head, format: bf16}\n"
      "  - {modules: 'model.layers.1.self_attn.kv_b_proj', format: bf16}\n"
      "  - {modules: '*.q_a_proj', format: bf16}\n  - {modules: '*nothing*', format: bf16}\n");
  ASSERT_TRUE(one_kv_b.ok());
  const auto& ignore = one_kv_b.value().ignore;
  EXPECT_NE(std::find(ignore.begin(), ignore.end(), "model.layers.1.self_attn.kv_b_proj*"),
            ignore.end());
  EXPECT_EQ(one_kv_b.value().warnings.size(), 1u + 12);  // the idle rule, q_a without kv_a
}

TEST(ParseRecipe, NamesLineAndKey) {
  const std::pair<const char*, const char*> cases[] = {
      {"kv_cache: fp8\nlinears: []", "line 1: kv_cache: expected fp8_cast or none, found \"fp8\""},
      {"kv_cache: none\nlinears:\n - {modules: x, format: int4}", "line 3: format: expected nvfp4"},
      {"kv_cache: none\nlinears:\n - {format: bf16}", "line 3: a rule needs modules"},
      {"kv_cache: none\nlinears:\n - {modules: x}", "line 3: a rule needs format"},
      {"kv_cache: none\nquantise: []", "line 2: unknown key \"quantise\""},
      {"kv_cache: none", "linears is missing"},
      {"linears: [{modules: x, format: bf16}]", "kv_cache is missing"},
      {"kv_cache: none\nkv_cache: none\n", "line 2: the key \"kv_cache\" stands twice"},
      {"- a\n- b", "expected the keys"},
      {"a: [", "not YAML"},
      {"", "expected the keys"},
  };
  for (const auto& [text, said] : cases) {
    const auto recipe = ParseRecipe(text, "r", "r.yaml");
    ASSERT_FALSE(recipe.ok()) << text;
    EXPECT_EQ(recipe.error().kind, base::ErrorKind::kInvalid);
    EXPECT_NE(recipe.error().message.find(said), std::string::npos) << recipe.error().message;
  }
  EXPECT_EQ(LoadRecipe("nope").error().kind, base::ErrorKind::kNotFound);
  EXPECT_EQ(BuiltinRecipes().size(), 3u);
}

TEST(MakePlan, RefusesWidthsThatAreNoMultipleOf16) {
  auto json =
      base::ReadJsonObject(std::string(GLIMMER_SOURCE_DIR) + "/tests/testdata/configs/glm-5b.json",
                           model::kMaxConfigBytes);
  json.value()["moe_intermediate_size"] = 1000;
  const model::Config config = model::ParseConfig(json.value(), "c").value();
  const auto plan = MakePlan(config, model::ListTensors(config), LoadRecipe("nvfp4").value(), {});
  ASSERT_FALSE(plan.ok());
  EXPECT_NE(plan.error().message.find("experts.0.down_proj.weight: shape [2048, 1000]"),
            std::string::npos)
      << plan.error().message;
}

}  // namespace
}  // namespace glimmer::quant
