// The scalar functions of attention_table.h, for the table of the scalar instruction set.
#pragma once

#include "kernels/attention_table.h"

namespace glimmer::kernels::scalar {

void CountBuckets(const CountBucketsArgs& args);
size_t ListChosen(const float* scores, size_t count, float threshold, size_t equal, uint32_t* out);

extern const AttentionTable kAttention;

}  // namespace glimmer::kernels::scalar
