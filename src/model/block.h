// One decoder layer:  x += attention(RMSNorm(x));  x += mlp(RMSNorm(x)).
#pragma once

#include "model/pass.h"

namespace glimmer::model {

// x [T, H] is the residual stream, changed in place. `layer` counts main layers, then MTP layers.
void ApplyBlock(const Pass& pass, size_t layer, const LayerWeights& weights, tensor::Matrix x,
                Selection& selection);

// Its first half alone: x += attention(RMSNorm(x)).
void ApplyAttention(const Pass& pass, size_t layer, const LayerWeights& weights, tensor::Matrix x,
                    Selection& selection);

// RMSNorm of every row with the model's eps.
tensor::OwnedMatrix NormRows(const Pass& pass, tensor::ConstMatrix x, const Vector& weight);

}  // namespace glimmer::model
