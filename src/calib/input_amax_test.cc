#include "calib/input_amax.h"

#include <gtest/gtest.h>

namespace glimmer::calib {
namespace {

using model::ModuleKind;
using model::TensorSpec;

// A model of two layers: q_a_proj in both, wk beside it in the first, two experts in the second.
class InputAmaxTest : public ::testing::Test {
 protected:
  InputAmaxTest() : stats_(6) {
    Add("model.layers.0.self_attn.q_a_proj.weight", ModuleKind::kQAProj, 0, model::kNoExpert, 0);
    Add("model.layers.0.self_attn.indexer.wk.weight", ModuleKind::kIndexerWk, 0, model::kNoExpert,
        0);
    Add("model.layers.1.self_attn.q_a_proj.weight", ModuleKind::kQAProj, 1, model::kNoExpert, 1);
    for (uint32_t expert = 0; expert < 2; ++expert) {
      const std::string module = "model.layers.1.mlp.experts." + std::to_string(expert);
      Add(module + ".gate_proj.weight", ModuleKind::kExpertGate, 1, expert, 2 + 2 * expert);
      Add(module + ".down_proj.weight", ModuleKind::kExpertDown, 1, expert, 3 + 2 * expert);
    }
    for (uint32_t group = 0; group < 6; ++group) {
      stats_[group].amax = static_cast<float>(group + 1);
      stats_[group].tokens = 10;
    }
  }

  void Add(const std::string& name, ModuleKind kind, uint32_t layer, uint32_t expert,
           uint32_t group) {
    TensorSpec spec;
    spec.name = name;
    spec.kind = kind;
    spec.layer = layer;
    spec.expert = expert;
    spec.input_group = group;
    specs_.push_back(spec);
  }

  InputAmaxes Decide() const {
    return DecideInputAmaxes(specs_, stats_, model::ExpertInputScale::kExpert, AmaxRounding::kNone);
  }

  std::vector<TensorSpec> specs_;
  InputStats stats_;
};

TEST_F(InputAmaxTest, EachLinearHasItsGroups) {
  const InputAmaxes amaxes = Decide();
  EXPECT_EQ(amaxes.by_spec, (std::vector<float>{1, 1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(amaxes.zero_inputs.empty());
}

TEST_F(InputAmaxTest, AnExpertThatReadZerosTakesItsLayersMaximum) {
  stats_[3].amax = 0;
  const InputAmaxes amaxes = Decide();
  EXPECT_EQ(amaxes.by_spec[4], 6);
  EXPECT_EQ(amaxes.zero_inputs,
            (std::vector<std::string>{"model.layers.1.mlp.experts.0.down_proj"}));
  EXPECT_TRUE(amaxes.unseen_experts.empty());
}

TEST_F(InputAmaxTest, OtherLinearsTakeTheLargestOfTheirKindAndAGroupStaysOne) {
  stats_[0].amax = 0;
  const InputAmaxes amaxes = Decide();
  EXPECT_EQ(amaxes.by_spec[0], 2);
  EXPECT_EQ(amaxes.by_spec[1], 2);  // wk alone would find no other
  EXPECT_EQ(amaxes.zero_inputs, (std::vector<std::string>{"model.layers.0.self_attn.q_a_proj",
                                                          "model.layers.0.self_attn.indexer.wk"}));
}

TEST_F(InputAmaxTest, WhereAllReadZerosItIsAboveZero) {
  stats_[0].amax = stats_[1].amax = stats_[3].amax = stats_[5].amax = 0;
  stats_[5].tokens = 0;
  const InputAmaxes amaxes = Decide();
  EXPECT_EQ(amaxes.by_spec, (std::vector<float>{0.5, 0.5, 0.5, 3, 0.5, 5, 0.5}));
  EXPECT_EQ(amaxes.zero_inputs.size(), 4u);
}

}  // namespace
}  // namespace glimmer::calib
