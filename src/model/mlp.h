// The second half of a block: a gated MLP, or routed experts beside a shared one.
//   mlp(x) = down(silu(gate(x)) * up(x))
//   moe(x) = sum over the chosen experts of weight * expert(x), by expert, + shared(x)
// Source: DeepSeek-V3, section 2.1.2; docs/model.md#experts.
#pragma once

#include "model/pass.h"

namespace glimmer::model {

// y [T, H] for x [T, H], the normed residual stream.
tensor::OwnedMatrix ApplyMlp(const Pass& pass, const MlpWeights& weights, tensor::ConstMatrix x);
// Rows are gathered expert by expert, so that each expert's weights are read once.
tensor::OwnedMatrix ApplyMoe(const Pass& pass, size_t layer, const MoeWeights& weights,
                             tensor::ConstMatrix x);

}  // namespace glimmer::model
