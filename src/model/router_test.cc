#include "model/router.h"

#include <gtest/gtest.h>

#include <cmath>

namespace glimmer::model {
namespace {

Config SmallRouter(uint64_t experts, uint64_t active) {
  Config c;
  c.n_routed_experts = experts;
  c.num_experts_per_tok = active;
  c.n_group = c.topk_group = 1;
  c.norm_topk_prob = true;
  c.routed_scaling_factor = 2.5;
  return c;
}

std::vector<uint32_t> Experts(const std::vector<Route>& routes) {
  std::vector<uint32_t> experts;
  for (const Route& route : routes) experts.push_back(route.expert);
  return experts;
}

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(Router, TheBiasChoosesAndDoesNotWeigh) {
  const float logits[] = {0, 1, 2, 3};
  const float bias[] = {5, 0, 0, 0};
  const std::vector<Route> routes = ChooseFromLogits(SmallRouter(4, 2), bias, logits);
  EXPECT_EQ(Experts(routes), (std::vector<uint32_t>{0, 3}));
  const double sum = Sigmoid(0) + Sigmoid(3);
  EXPECT_NEAR(routes[0].weight, 2.5 * Sigmoid(0) / sum, 1e-6);
  EXPECT_NEAR(routes[1].weight, 2.5 * Sigmoid(3) / sum, 1e-6);
}

TEST(Router, WithoutNormalisingTheScoresAreTheWeights) {
  Config c = SmallRouter(3, 1);
  c.norm_topk_prob = false;
  const float logits[] = {-1, 0.5f, 0}, bias[] = {0, 0, 0};
  const std::vector<Route> routes = ChooseFromLogits(c, bias, logits);
  EXPECT_EQ(Experts(routes), (std::vector<uint32_t>{1}));
  EXPECT_NEAR(routes[0].weight, 2.5 * Sigmoid(0.5), 1e-6);
}

// Group 0 has the single best expert, group 1 the best pair.
TEST(Router, GroupsCompeteWithTheirTwoBest) {
  Config c = SmallRouter(6, 2);
  c.n_group = 2;
  c.topk_group = 1;
  const float logits[] = {4, -9, -9, 2, 1, -9}, bias[] = {0, 0, 0, 0, 0, 0};
  EXPECT_EQ(Experts(ChooseFromLogits(c, bias, logits)), (std::vector<uint32_t>{3, 4}));
  c.topk_group = 2;
  EXPECT_EQ(Experts(ChooseFromLogits(c, bias, logits)), (std::vector<uint32_t>{0, 3}));
}

// A negative choice in a kept group still beats every choice of an excluded group.
TEST(Router, ExcludedGroupsGetNothing) {
  Config c = SmallRouter(4, 2);
  c.n_group = 2;
  c.topk_group = 1;
  const float logits[] = {3, 0, 2, 2}, bias[] = {0, -3, -0.9f, -0.9f};
  // Group 0: 0.95 - 2.5; group 1: -0.02 - 0.02: group 1 wins.
  EXPECT_EQ(Experts(ChooseFromLogits(c, bias, logits)), (std::vector<uint32_t>{2, 3}));
}

TEST(Router, GroupsOfOneExpert) {
  Config c = SmallRouter(3, 1);
  c.n_group = 3;
  c.topk_group = 2;
  const float logits[] = {1, 3, 2}, bias[] = {0, 0, 0};
  EXPECT_EQ(Experts(ChooseFromLogits(c, bias, logits)), (std::vector<uint32_t>{1}));
}

TEST(Router, AmongEqualsTheLowerExpertWins) {
  const float logits[] = {1, 1, 1, 1}, bias[] = {0, 0, 0, 0};
  EXPECT_EQ(Experts(ChooseFromLogits(SmallRouter(4, 2), bias, logits)),
            (std::vector<uint32_t>{0, 1}));
}

}  // namespace
}  // namespace glimmer::model
