#include "model/operator_clock.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "model/forward.h"
#include "model/loaded_checkpoint.h"

namespace glimmer::model {
namespace {

void Wait() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }
constexpr double kWait = 0.020;  // seconds; a sleep is never shorter

TEST(OperatorClock, InnerTimeIsTakenFromTheOuterOperator) {
  OperatorClock clock;
  const auto start = std::chrono::steady_clock::now();
  clock.Start();
  {
    const OperatorTimer outer(&clock, Operator::kRoutedExperts);
    Wait();
    {
      const OperatorTimer inner(&clock, Operator::kRouter);
      clock.Count(100, 7, 3);
      Wait();
    }
    Wait();
    clock.Count(10, 0, 1);
  }
  clock.Stop();
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const OperatorTotals& experts = clock.totals(Operator::kRoutedExperts);
  const OperatorTotals& router = clock.totals(Operator::kRouter);
  EXPECT_GE(experts.seconds, 2 * kWait);
  EXPECT_GE(router.seconds, kWait);
  // Were the inner time counted twice, the sum would exceed the wall time by a wait.
  EXPECT_LE(clock.Sum().seconds, wall);
  EXPECT_EQ(router.weight_bytes, 100u);
  EXPECT_EQ(router.cache_bytes, 7u);
  EXPECT_EQ(experts.weight_bytes, 10u);
  EXPECT_EQ(clock.Sum().operations, 4);
}

TEST(OperatorClock, TimeBetweenStopAndStartDoesNotCount) {
  OperatorClock clock;
  clock.Start();
  clock.Stop();
  const double before = clock.Sum().seconds;
  Wait();
  const auto start = std::chrono::steady_clock::now();
  clock.Start();
  clock.Stop();
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_LE(clock.Sum().seconds, before + wall);
}

TEST(OperatorClock, NobodyMeasures) {
  const OperatorTimer timer(nullptr, Operator::kRouter);  // must not touch a clock
}

TEST(OperatorClock, EveryOperatorHasItsName) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kOperators; ++i) names.insert(OperatorName(static_cast<Operator>(i)));
  EXPECT_EQ(names.size(), kOperators);
}

TEST(OperatorClock, StoredBytesHoldCodesAndScales) {
  Weight weight = {.rows = 3, .cols = 32};
  EXPECT_EQ(StoredBytes(weight), 4u * 96);
  weight.format = kernels::Format::kBf16;
  EXPECT_EQ(StoredBytes(weight), 2u * 96);
  weight.format = kernels::Format::kNvfp4;
  EXPECT_EQ(StoredBytes(weight), 48u + 6);
}

class Counted : public ::testing::Test {
 protected:
  void SetUp() override {
    auto checkpoint =
        LoadCheckpoint(std::string(GLIMMER_SOURCE_DIR) + "/tests/golden/forward/sparse");
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message;
    auto model = LoadModel(checkpoint.value(), {.activations = Activations::kF32});
    ASSERT_TRUE(model.ok()) << model.error().message;
    model_.emplace(std::move(model).value());
  }
  const Config& config() const { return model_->config; }

  OperatorClock Run(Sequence& sequence, size_t count) {
    const std::vector<int32_t> ids(count, 5);
    const Continuation next = {&sequence, ids};
    base::ThreadPool pool(2);
    OperatorClock clock;
    clock.Start();
    EXPECT_TRUE(Forward(*model_, pool, {&next, 1}, nullptr, &clock).ok());
    clock.Stop();
    return clock;
  }

  std::optional<Model> model_;
};

TEST_F(Counted, OneTokenReadsTheWeightsOfItsOperators) {
  Sequence sequence(*model_);
  const OperatorClock clock = Run(sequence, 1);
  uint64_t router = 0, routed = 0, shared = 0, dense = 0, absorbed = 0;
  size_t routers = 0;
  for (const LayerWeights& layer : model_->weights.layers) {
    absorbed += StoredBytes(layer.attention.kv_b_proj);
    if (const auto* mlp = std::get_if<MlpWeights>(&layer.mlp)) {
      dense += 3 * StoredBytes(mlp->gate_proj);
      continue;
    }
    const auto& moe = std::get<MoeWeights>(layer.mlp);
    router += StoredBytes(moe.router);
    ++routers;
    shared += 3 * StoredBytes(moe.shared.gate_proj);
    routed += config().num_experts_per_tok * 3 * StoredBytes(moe.experts[0].gate_proj);
  }
  const auto bytes = [&](Operator which) { return clock.totals(which).weight_bytes; };
  EXPECT_GT(routed, 0u);
  EXPECT_EQ(bytes(Operator::kRouter), router);
  EXPECT_EQ(bytes(Operator::kRoutedExperts), routed);
  EXPECT_EQ(bytes(Operator::kSharedExpert), shared);
  EXPECT_EQ(bytes(Operator::kDenseMlp), dense);
  EXPECT_EQ(bytes(Operator::kAbsorbing), absorbed);
  EXPECT_EQ(bytes(Operator::kEmbedding),
            StoredBytes(model_->weights.embed_tokens) / config().vocab_size);
  EXPECT_EQ(bytes(Operator::kNorms), 0u);
  // A product with one row: two operations for each weight.
  EXPECT_EQ(clock.totals(Operator::kRouter).operations,
            2.0 * static_cast<double>(routers * config().n_routed_experts * config().hidden_size));
}

TEST_F(Counted, AttentionReadsWhatTheIndexerSelects) {
  Sequence sequence(*model_);
  const size_t before = config().index_topk + 3;
  Run(sequence, before);
  const OperatorClock clock = Run(sequence, 1);
  const RowStore& latents = sequence.layer(0).latents;
  const double layers = static_cast<double>(config().num_hidden_layers);
  const double selected = static_cast<double>(config().index_topk);
  EXPECT_EQ(clock.totals(Operator::kAttention).cache_bytes,
            layers * selected * static_cast<double>(latents.row_bytes()));
  EXPECT_EQ(clock.totals(Operator::kAttention).operations,
            2 * layers * selected * static_cast<double>(config().num_attention_heads) *
                static_cast<double>(2 * config().kv_lora_rank + config().qk_rope_head_dim));
  uint64_t keys = 0;
  for (size_t i = 0; i < config().num_hidden_layers; ++i) {
    keys += (before + 1) * sequence.layer(i).keys.row_bytes();
  }
  EXPECT_EQ(clock.totals(Operator::kIndexerScores).cache_bytes, keys);
  EXPECT_GT(clock.totals(Operator::kIndexerScores).operations, 0);
}

}  // namespace
}  // namespace glimmer::model
