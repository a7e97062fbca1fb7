#include "model/router.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/matmul.h"
#include "kernels/top_k.h"
#include "model/operator_clock.h"

namespace glimmer::model {
namespace {

// Keeps a sum of zeros from dividing by zero; transformers has the same.
constexpr float kSmallestSum = 1e-20f;
constexpr float kExcluded = -std::numeric_limits<float>::infinity();

// Sum of the two largest.
float GroupScore(std::span<const float> choices) {
  float best = kExcluded, second = kExcluded;
  for (const float choice : choices) {
    second = std::max(second, std::min(best, choice));
    best = std::max(best, choice);
  }
  return choices.size() == 1 ? best : best + second;
}

void ExcludeGroups(const Config& c, std::span<float> choices) {
  const size_t size = choices.size() / c.n_group;
  std::vector<float> scores;
  for (size_t group = 0; group < c.n_group; ++group) {
    scores.push_back(GroupScore(choices.subspan(group * size, size)));
  }
  const std::vector<uint32_t> kept = kernels::TopK(scores, c.topk_group);
  for (uint32_t group = 0; group < c.n_group; ++group) {
    if (std::binary_search(kept.begin(), kept.end(), group)) continue;
    const std::span<float> excluded = choices.subspan(group * size, size);
    std::fill(excluded.begin(), excluded.end(), kExcluded);
  }
}

}  // namespace

std::vector<Route> ChooseFromLogits(const Config& c, std::span<const float> bias,
                                    std::span<const float> logits) {
  std::vector<float> scores(logits.size()), choices(logits.size());
  for (size_t e = 0; e < logits.size(); ++e) {
    scores[e] = 1.0f / (1.0f + std::exp(-logits[e]));
    choices[e] = scores[e] + bias[e];
  }
  if (c.topk_group < c.n_group) ExcludeGroups(c, choices);
  std::vector<Route> routes;
  float sum = 0;
  for (const uint32_t expert : kernels::TopK(choices, c.num_experts_per_tok)) {
    routes.push_back({expert, scores[expert]});
    sum += scores[expert];
  }
  const float divisor = c.norm_topk_prob ? sum + kSmallestSum : 1.0f;
  const auto factor = static_cast<float>(c.routed_scaling_factor);
  for (Route& route : routes) route.weight = route.weight / divisor * factor;
  return routes;
}

Routes ChooseExperts(const Pass& pass, size_t layer, const MoeWeights& weights,
                     tensor::ConstMatrix x) {
  const OperatorTimer timer(pass, Operator::kRouter);
  CountProduct(pass, weights.router, x.rows);
  const tensor::OwnedMatrix logits(x.rows, weights.router.rows);
  kernels::MatMul(pass.pool, x, weights.router, logits);
  Routes routes(x.rows);
  ForEachRow(pass, x.rows, [&](size_t row) {
    if (!AreFinite(logits.view().row_span(row))) pass.faults->Report(layer, "mlp.gate", "logits");
    routes[row] =
        ChooseFromLogits(pass.model.config, weights.router_bias, logits.view().row_span(row));
  });
  return routes;
}

}  // namespace glimmer::model
