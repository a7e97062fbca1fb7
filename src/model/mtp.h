// The multi-token prediction layer: drafts the token after the next one.
//   g = eh_proj([RMSNorm(embedding of x[p+1], enorm) | RMSNorm(h[p], hnorm)])
//   m = RMSNorm(decoder layer(g) at RoPE position p, shared_head.norm)
//   logits for x[p+2] = lm_head(m)
// h is the main model's output behind its last norm. A chain of drafts feeds m back as h, one
// position later.
// Source: DeepSeek-V3, section 2.2; docs/model.md#mtp.
#pragma once

#include "model/forward.h"

namespace glimmer::model {

// Runs MTP layer `mtp_layer` over rows that continue the sequence's MTP cache: row i joins
// hidden[i] (of position mtp_length + i) with ids[i], the token behind that position. Returns
// m [T, H]; Logits() makes drafts of it. With several MTP layers each has its own cache, and
// `mtp_length` counts for the one in use.
// Errors: as Forward. REQUIRES: the model has that layer, hidden.rows == ids.size().
base::Result<tensor::OwnedMatrix> ForwardMtp(const Model& model, base::ThreadPool& pool,
                                             size_t mtp_layer, Continuation next,
                                             tensor::ConstMatrix hidden,
                                             Observer* observer = nullptr);

}  // namespace glimmer::model
