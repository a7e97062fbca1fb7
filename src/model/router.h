// Which experts a token visits: sigmoid scores, a bias that takes part in choosing only, and groups
// of experts of which the best ones take part.
//   score = sigmoid(x · W^T);  choice = score + bias
//   groups: the topk_group of n_group groups with the largest sum of their two best choices
//   experts: the num_experts_per_tok largest choices in these groups
//   weight = score, divided by the chosen ones' sum + 1e-20 if norm_topk_prob, times
//            routed_scaling_factor
// All in F32 in every mode. Among equals the lower index wins.
// Source: DeepSeek-V3, section 2.1.2; docs/model.md#router.
#pragma once

#include "model/pass.h"

namespace glimmer::model {

// For each row of x [T, H], the normed residual stream.
Routes ChooseExperts(const Pass& pass, size_t layer, const MoeWeights& weights,
                     tensor::ConstMatrix x);

// The same from the router's output of one token, [E].
std::vector<Route> ChooseFromLogits(const Config& config, std::span<const float> bias,
                                    std::span<const float> logits);

}  // namespace glimmer::model
