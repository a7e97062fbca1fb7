// The scalar matrix products, for the table of the scalar instruction set (kernels/table.h).
#pragma once

#include "kernels/table.h"

namespace glimmer::kernels::scalar {

void MatMulF32(const MatMulArgs& args);
void MatMulBf16(const MatMulArgs& args);
void MatMulNvfp4(const MatMulArgs& args);
void WeightedSum(const WeightedSumArgs& args);

}  // namespace glimmer::kernels::scalar
