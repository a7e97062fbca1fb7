// The lightning indexer of DSA: a small attention without values that scores every earlier position
// and lets the real attention read the best `index_topk` of them.
//   score[t, u] = sum_h w[t, h] * relu(q[t, h] · k[u]),   u <= t
// with q = wq_b(query latent), k = LayerNorm(wk(x)), both rotated in their first Dr dimensions, and
// w = weights_proj(x). The positive constants of the papers do not change the order and are left
// out. Among equal scores the earlier position wins.
// Source: DeepSeek-V3.2-Exp, section 2.1; docs/model.md#indexer.
#pragma once

#include "model/linear.h"
#include "model/pass.h"

namespace glimmer::model {

// Writes the rows' index keys into the caches of `layer` and chooses the positions of every row.
// Rows with at most index_topk positions to look at attend to all of them and are not scored.
Selection SelectPositions(const Pass& pass, size_t layer, const IndexerWeights& weights,
                          LinearInput& x, LinearInput& q_latent);

}  // namespace glimmer::model
