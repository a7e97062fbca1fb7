// What a lower precision makes of activations: each function rounds F32 values to the numbers that
// a narrower format holds and keeps them in F32.
// `from` and `to` may be the same span. Pure; any number of threads.
#pragma once

#include <span>

namespace glimmer::kernels {

// Nearest BF16, ties to even.
void RoundToBf16(std::span<const float> from, std::span<float> to);

// NVFP4 with a calibrated per-tensor scale, as a Blackwell GPU quantizes the input of a W4A4
// product: for each block of 16
//   scale = E4M3((amax of the block / 6) / input_scale), nearest even, saturating, 0 allowed
//   step  = scale * input_scale
//   to    = E2M1(|x| / step) * step with the sign of x, saturating at 6; 0 where the step is 0
// REQUIRES: from.size() % 16 == 0, input_scale > 0. Source: docs/formats.md#activations.
void RoundToNvfp4(std::span<const float> from, float input_scale, std::span<float> to);
// The step of one such block. NaN where an element is.
float Nvfp4InputStep(std::span<const float> block, float input_scale);

}  // namespace glimmer::kernels
