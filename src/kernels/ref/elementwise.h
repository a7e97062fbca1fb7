// The scalar functions of elementwise_table.h, for the table of the scalar instruction set.
#pragma once

#include "kernels/elementwise_table.h"

namespace glimmer::kernels::scalar {

void StoreRow(CacheFormat format, const float* from, size_t count, uint8_t* to);
void LoadRow(CacheFormat format, const uint8_t* from, size_t count, float* to);

extern const ElementwiseTable kElementwise;

}  // namespace glimmer::kernels::scalar
