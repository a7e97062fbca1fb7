// Matrix products of activations with weights as stored.
//
// Sums are F32. In the forms kPlain and kGroups every weight is exact in F32 (E2M1 times E4M3 has
// at most 6 significant bits), weight_scale_2 multiplies the finished sum, and one element of a
// result is computed in the same order in both, however many rows are computed with it: a token's
// result does not depend on its batch, nor on the number of threads. AVX2 and AVX-512 give the same
// bits; the scalar set rounds after each product as well. The error of an element is at most
//   (K / 8 + 16) * 2^-24 * sum_k |x[t, k] w[n, k]|.
// kInt16, kInt8 and their groups sum blocks of 16 in whole numbers, exactly; what packing rounded
// is told in packed_rows.h, the rest of the error has the same bound; in kInt8Groups, which lifts x
// above zero, with 1.01 times the largest |x| of its 128 columns in place of |x[t, k]|. kBf16Groups
// adds products of BF16 pairs (bf16_table.h), again in an order that depends neither on the rows
// nor on the format: in blocks of 512 columns a lane takes two of each eight columns, then four
// lanes and the blocks are added. The error of an element is at most
//   (min(K, 512) / 4 + K / 512 + 6) * 2^-24 * sum_k |x[t, k] w[n, k]|,
// and numbers and sums of magnitudes below 2^-126 count as zero.
// Outputs must not overlap inputs. Source: docs/kernels/matmul.md, avx512.md.
#pragma once

#include "base/thread_pool.h"
#include "kernels/isa.h"
#include "kernels/packed_rows.h"
#include "kernels/weight.h"
#include "tensor/matrix.h"

namespace glimmer::kernels {

// y[T, N] = x[T, K] . W^T, divided over the pool's threads by rows of W.
// REQUIRES: x.cols == w.cols, y is [x.rows, w.rows]; whole numbers only with NVFP4 weights,
// kBf16Groups with NVFP4 and BF16 ones.
void MatMul(base::ThreadPool& pool, const PackedRows& x, const Weight& w, tensor::Matrix y);

// The same on the calling thread alone, for use inside a parallel loop.
void MatMulHere(const PackedRows& x, const Weight& w, tensor::Matrix y, Isa isa = ActiveIsa());

// Of F32 rows as they are, packed for one product.
void MatMul(base::ThreadPool& pool, tensor::ConstMatrix x, const Weight& w, tensor::Matrix y);
void MatMulHere(tensor::ConstMatrix x, const Weight& w, tensor::Matrix y, Isa isa = ActiveIsa());
// The same of rows that FormFor chooses a form for as this type.
void MatMulHere(tensor::ConstMatrix x, ActivationType type, const Weight& w, tensor::Matrix y,
                Isa isa = ActiveIsa());

}  // namespace glimmer::kernels
