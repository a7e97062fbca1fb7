// Products of one head's vectors with rows of a weight, on the calling thread: what absorbing
// kv_b_proj needs. Outputs must not overlap inputs. REQUIRES: no kE4m3 weights.
//
// kF32: rows are decoded in registers; x stays as it is. A row of a result does not depend on the
// rows of x beside it. Block scales multiply the codes exactly, weight_scale_2 the finished sum,
// which accumulates in F32: by fused multiply-add in the order of n (SumOfRows), or in sixteen
// lanes (DotRows). The error is below
//   (N + 2) * 2^-24 * sum_n |x[t, n] w[n, k]|,   and   (K / 16 + 36) * 2^-24 * sum_k |…|.
//
// kBf16, for callers that round inputs of linears to BF16 (x may be any numbers): up to kFewRows
// rows of x meet NVFP4 weights in fixed point, which loses less; the rest is as kF32.
// DotRows takes them as kInt16 (packed_rows.h), on every set. SumOfRows does so on vector sets if
// K % 128 == 0 and N <= 2,048: x[t, n] times a block scale becomes a whole number of 16 bits, and
// nothing else is rounded before the sum is complete. The error is below weight_scale_2 times
//   2^-15 (1 + 2^-6) sum_n |e2m1[n, k]| max_n |x[t, n] scale[n, k]|,
// where a largest product below 2^-91 counts as that.
#pragma once

#include "kernels/isa.h"
#include "kernels/packed_rows.h"
#include "kernels/weight.h"
#include "tensor/matrix.h"

namespace glimmer::kernels {

// y[T, K] = x[T, N] · W, for W [N, K].
void SumOfRows(tensor::ConstMatrix x, ActivationType type, const Weight& w, tensor::Matrix y);
// y[T, N] = x[T, K] · W^T.
void DotRows(tensor::ConstMatrix x, ActivationType type, const Weight& w, tensor::Matrix y);

// On a given instruction set, for tests and benchmarks. REQUIRES: it is available.
void SumOfRowsOn(Isa isa, tensor::ConstMatrix x, ActivationType type, const Weight& w,
                 tensor::Matrix y);
void DotRowsOn(Isa isa, tensor::ConstMatrix x, ActivationType type, const Weight& w,
               tensor::Matrix y);

}  // namespace glimmer::kernels
