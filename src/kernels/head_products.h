// Products of one head's vectors with rows of a weight, on the calling thread: what absorbing
// kv_b_proj needs. Rows are decoded in registers; x stays as it is, in F32.
// A row of a result does not depend on the rows of x beside it. Block scales multiply the codes
// exactly, weight_scale_2 the finished sum, which accumulates in F32: by fused multiply-add in the
// order of n (SumOfRows), or in sixteen lanes (DotRows). The error is below
//   (N + 2) * 2^-24 * sum_n |x[t, n] w[n, k]|,   and   (K / 16 + 36) * 2^-24 * sum_k |…|.
// Outputs must not overlap inputs. REQUIRES: no kE4m3 weights.
//
// Where a caller rounds inputs of linears to BF16 (type kBf16), sums of up to kFewRows rows of x
// over NVFP4 rows are taken in whole numbers on vector sets, if K % 128 == 0 and N <= 2,048:
// x[t, n] times a block scale becomes one of 16 bits, to within 2^-15 of the largest of its block
// of columns over all n, and nothing else is rounded before the sum is complete. The error is below
//   (2^-15 + 2^-22) sum_n |e2m1[n, k]| max_n |x[t, n] scale[n, k]|,
// besides that factor weight_scale_2, where rounding to BF16 loses up to 2^-9 of each |x[t, n]|.
#pragma once

#include "kernels/isa.h"
#include "kernels/packed_rows.h"
#include "kernels/weight.h"
#include "tensor/matrix.h"

namespace glimmer::kernels {

// y[T, K] = x[T, N] · W, for W [N, K].
void SumOfRows(tensor::ConstMatrix x, ActivationType type, const Weight& w, tensor::Matrix y);
// y[T, N] = x[T, K] · W^T.
void DotRows(tensor::ConstMatrix x, const Weight& w, tensor::Matrix y);

// On a given instruction set, for tests and benchmarks. REQUIRES: it is available.
void SumOfRowsOn(Isa isa, tensor::ConstMatrix x, ActivationType type, const Weight& w,
                 tensor::Matrix y);
void DotRowsOn(Isa isa, tensor::ConstMatrix x, const Weight& w, tensor::Matrix y);

}  // namespace glimmer::kernels
