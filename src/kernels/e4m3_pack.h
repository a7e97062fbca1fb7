// BF16 weights -> E4M3 with a scale for each row (Format::kE4m3).
// The definition, in IEEE single precision:
//   scale = max(largest |w| of the row / 448, 2^-126)   so a row of zeros has a scale as well
//   code  = E4M3(w / scale), to nearest, ties to even, saturating
// Every instruction set gives its bytes exactly. Pure functions that allocate nothing and may run
// on any number of threads.
#pragma once

#include <span>

#include "kernels/isa.h"
#include "tensor/bf16.h"
#include "tensor/fp8.h"
#include "tensor/pack_error.h"

namespace glimmer::kernels {

// The scale of a row whose largest magnitude is `amax` (AbsMax, nvfp4_pack.h). REQUIRES: finite.
float E4m3RowScale(tensor::Bf16 amax);

// Packs a row and returns what that lost: differences in F32, squares and sums in double, the same
// bits on every instruction set.
// REQUIRES: codes.size() == weights.size(), scale of E4m3RowScale, no overlap.
tensor::PackError PackE4m3(std::span<const tensor::Bf16> weights, float scale,
                           std::span<tensor::E4m3> codes);

// The same on a given instruction set, for tests. REQUIRES: it is available.
tensor::PackError PackE4m3On(Isa isa, std::span<const tensor::Bf16> weights, float scale,
                             std::span<tensor::E4m3> codes);

}  // namespace glimmer::kernels
