// BF16 weights -> NVFP4, and the largest magnitude that the scale follows from.
// The meaning is tensor/nvfp4.h; every instruction set gives its bytes exactly.
// All functions are pure, allocate nothing and may run on any number of threads.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/isa.h"
#include "tensor/bf16.h"
#include "tensor/pack_error.h"

namespace glimmer::kernels {

// max |w| as BF16 bits; 0 for no elements. kBf16Infinity or more iff an element is not finite.
tensor::Bf16 AbsMax(std::span<const tensor::Bf16> weights);

// Packs whole blocks of 16 consecutive weights. A matrix [N, K] with K % 16 == 0 is one run of
// N * K / 16 blocks, for its codes as for its scales.
//   packed: weights.size() / 2 bytes; scales: weights.size() / 16 bytes of E4M3.
// REQUIRES: weights.size() % 16 == 0, the sizes above, tensor_scale > 0, no overlap.
void PackNvfp4(std::span<const tensor::Bf16> weights, float tensor_scale, std::span<uint8_t> packed,
               std::span<uint8_t> scales);

using tensor::PackError;

// The error of what PackNvfp4() gave. Differences in F32, squares and sums in double, in an order
// that depends on nothing but the number of blocks: the same bits on every instruction set.
PackError ErrorOfNvfp4(std::span<const tensor::Bf16> weights, float tensor_scale,
                       std::span<const uint8_t> packed, std::span<const uint8_t> scales);

// The same on a given instruction set, for tests and benchmarks. REQUIRES: it is available.
tensor::Bf16 AbsMaxOn(Isa isa, std::span<const tensor::Bf16> weights);
void PackNvfp4On(Isa isa, std::span<const tensor::Bf16> weights, float tensor_scale,
                 std::span<uint8_t> packed, std::span<uint8_t> scales);
PackError ErrorOfNvfp4On(Isa isa, std::span<const tensor::Bf16> weights, float tensor_scale,
                         std::span<const uint8_t> packed, std::span<const uint8_t> scales);

}  // namespace glimmer::kernels
