// Multi-head latent attention (MLA) over the positions that the indexer selected.
//   q[h]    = rows of q_b(RMSNorm(q_a(x))): Dn values q_nope and Dr rotated values q_pe
//   c, k_pe = kv_a(x): c = RMSNorm of its first R values; k_pe, its last Dr, rotated; both cached
//   k_nope[h], v[h] = rows of kv_b(c)
//   p[h, u] = softmax over u of (q_nope[h] · k_nope[h, u] + q_pe[h] · k_pe[u]) / sqrt(Dn + Dr)
//   y       = o_proj(concat over h of sum_u p[h, u] v[h, u])
// Expanded, kv_b is applied to every cached c. Absorbed, its key rows are multiplied into the query
// and its value rows into the sum of latents, so that a token costs no work for each cached one but
// R + Dr products a head.
// Source: DeepSeek-V2, section 2.1 and appendix C; docs/model.md#attention.
#pragma once

#include "model/pass.h"

namespace glimmer::model {

// y [T, H] = attention of x [T, H], which is the normed residual stream. Extends the caches of
// `layer`. A layer with an indexer replaces `selection`, another one reads it.
tensor::OwnedMatrix Attend(const Pass& pass, size_t layer, const AttentionWeights& weights,
                           tensor::ConstMatrix x, Selection& selection);

}  // namespace glimmer::model
