// Matrix products of activations with weights as stored, and with matrices in F32.
// Accumulation is in F32. Block scales multiply the codes exactly (E2M1 times E4M3 has at most 6
// significant bits), weight_scale_2 multiplies the finished sum.
//
// One element of a result is computed in the same order however many rows are computed with it, so
// a token's result does not depend on its batch. AVX2 and AVX-512 give the same bits; the scalar
// set rounds after each product as well, so it differs by rounding:
//   |difference| <= 2 (K + 2) * 2^-24 * sum_k |x[t, k] w[n, k]|.
// Outputs must not overlap inputs.
#pragma once

#include "base/thread_pool.h"
#include "kernels/isa.h"
#include "kernels/weight.h"
#include "tensor/matrix.h"

namespace glimmer::kernels {

// y[T, N] = x[T, K] · W^T, divided over the pool's threads by rows of W.
// REQUIRES: x.cols == w.cols, y is [x.rows, w.rows].
void MatMul(base::ThreadPool& pool, tensor::ConstMatrix x, const Weight& w, tensor::Matrix y);

// The same on the calling thread alone, for use inside a parallel loop.
void MatMulHere(tensor::ConstMatrix x, const Weight& w, tensor::Matrix y);

// y[T, D] = p[T, S] · values[S, D], on the calling thread.
void WeightedSum(tensor::ConstMatrix p, tensor::ConstMatrix values, tensor::Matrix y);

// Rows [first, first + out.rows) of w in F32, tensor_scale included.
void DecodeRows(const Weight& w, size_t first, tensor::Matrix out);

// A matrix in F32 as a weight.
Weight AsWeight(tensor::ConstMatrix matrix);

// On a given instruction set, for tests and benchmarks. REQUIRES: it is available.
void MatMulHereOn(Isa isa, tensor::ConstMatrix x, const Weight& w, tensor::Matrix y);
void WeightedSumOn(Isa isa, tensor::ConstMatrix p, tensor::ConstMatrix values, tensor::Matrix y);

}  // namespace glimmer::kernels
