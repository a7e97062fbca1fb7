// Gated MLPs side by side, such as the experts of a layer, each on rows of its own:
//   mlp(x) = down(silu(gate(x)) * up(x))
// Source: docs/model.md#experts.
#pragma once

#include <span>
#include <vector>

#include "model/linear.h"

namespace glimmer::model {

struct MlpJob {
  const MlpWeights* weights;
  LinearInput* input;  // [T, H]; jobs may share one
};

// The results of the jobs, [sum of T, H], one job's rows behind the other's.
// One loop over the threads computes gate, up and their product for all jobs, a second one the
// down projections, in pieces of about the same cost, so that one token and thousands keep all
// threads busy.
tensor::OwnedMatrix ApplyMlps(const Pass& pass, std::span<const MlpJob> jobs);

}  // namespace glimmer::model
