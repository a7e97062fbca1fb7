// The two ways to compute attention over the latent cache; see attention.h for the formulas.
#pragma once

#include "model/pass.h"

namespace glimmer::model {

struct AttentionInput {
  const Span& span;
  const RowStore& latents;      // of the layer and the span's sequence, the span's rows included
  const Weight& kv_b_proj;      // [N (Dn + Dv), R]
  tensor::ConstMatrix queries;  // [T, N (Dn + Dr)], rotated
  const Selection& selection;   // by row
};

// Fill the span's rows of heads [T, N Dv].
void AttendExpanded(const Pass& pass, const AttentionInput& input, tensor::Matrix heads);
void AttendAbsorbed(const Pass& pass, const AttentionInput& input, tensor::Matrix heads);

}  // namespace glimmer::model
