// modelopt's own export of a small model, judged as a whole: what the program does, without it.
#include "check/engine.h"

#include <gtest/gtest.h>

#include "check/deep.h"
#include "check/integrity.h"
#include "check/serving.h"

namespace glimmer::check {
namespace {

constexpr char kExport[] = GLIMMER_SOURCE_DIR "/tests/golden/models/basic/modelopt";

class GoldenExport : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = Open(kExport);
    ASSERT_TRUE(opened.ok());
    opened_.emplace(std::move(opened).value());
    scan_ = ScanTensors(*opened_);
  }

  EngineReport Judge(Engine engine) const {
    return JudgeEngine(engine, {*opened_, &scan_, FindUnequalScales(*opened_, scan_), {}});
  }

  std::optional<Opened> opened_;
  Scan scan_;
};

TEST_F(GoldenExport, IsSoundToItsLastElement) {
  Findings findings = CheckIntegrity(*opened_, &scan_);
  base::CancelFlag cancel;
  std::atomic<uint64_t> bytes_done{0};
  const auto nan_scales = CheckDeep(*opened_, 3, cancel, bytes_done, findings);
  ASSERT_TRUE(nan_scales.ok());
  EXPECT_TRUE(nan_scales.value().empty());
  EXPECT_EQ(bytes_done, DeepBytes(*opened_));
  EXPECT_EQ(findings.worst(), Severity::kNote);
}

TEST_F(GoldenExport, IsRefusedByTheRulesOfAllLinears) {
  const EngineReport vllm = Judge(Engine::kVllm), sglang = Judge(Engine::kSglang);
  EXPECT_STREQ(vllm.verdict(), "refuses");
  EXPECT_TRUE(vllm.findings.Has("V20"));
  EXPECT_TRUE(vllm.findings.Has("V24"));
  EXPECT_EQ(vllm.unquantized, std::vector<std::string>{"lm_head"});
  EXPECT_TRUE(sglang.findings.Has("S20"));
  EXPECT_TRUE(sglang.findings.Has("S21"));
  EXPECT_TRUE(Judge(Engine::kTensorrtLlm).findings.Has("T07"));
  EXPECT_STREQ(Judge(Engine::kGlimmer).verdict(), "loads");
}

TEST_F(GoldenExport, LosesWhatBlocksAndNothingElse) {
  const auto recipe = quant::LoadRecipe("nvfp4-serve");
  ASSERT_TRUE(recipe.ok());
  for (const auto& [engine, dequantized] :
       {std::pair{Engine::kVllm, 9}, {Engine::kTensorrtLlm, 6}, {Engine::kGlimmer, 0}}) {
    const auto plan = PlanServing(*opened_, scan_, recipe.value(), std::span(&engine, 1));
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ(plan.value().dequantized, static_cast<size_t>(dequantized)) << EngineName(engine);
  }
  const auto all = quant::LoadRecipe("nvfp4");
  const Engine engine = Engine::kSglang;
  const auto refused = PlanServing(*opened_, scan_, all.value(), std::span(&engine, 1));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, base::ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace glimmer::check
