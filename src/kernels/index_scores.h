// What the indexer thinks of keys:
//   score[t, u] = sum_h weights[t, h] * max(q[t, h] · k[u], 0)
// A score does not depend on the rows or keys beside it. F32, each dot product in the order of its
// dimensions (or of its pairs, bf16_table.h) and then the heads in theirs, by fused multiply-add:
//   error <= (D + N + 2) * 2^-24 * sum_h |weights[t, h]| sum_d |q[t, h, d] k[u, d]|.
// With pairs, magnitudes below 2^-126 count as zero on the way. Without them, on vector sets, BF16
// queries meet kScaledE4m3 keys as whole numbers of 16 bits if D % 16 == 0: a query's number counts
// to within 2^-12 (1 + 2^-7) of the largest of its head, exactly from 1/8 of it on; a key's to
// within its scale / 32, exactly from its scale / 2 on; their products are added exactly, 64
// dimensions at a time. DeepSeek's own kernels round such queries to E4M3.
// docs/kernels/attention.md. On the calling thread.
#pragma once

#include "kernels/cache_rows.h"
#include "kernels/isa.h"
#include "kernels/packed_rows.h"
#include "tensor/matrix.h"

namespace glimmer::kernels {

// queries [T, N D], weights [T, N], keys.cols == D, scores [T, keys.rows.size()].
// REQUIRES: type is kF32, or kBf16 where the queries are BF16 numbers.
void ScoreKeys(tensor::ConstMatrix queries, ActivationType type, tensor::ConstMatrix weights,
               const CachedRows& keys, tensor::Matrix scores);

// On a given instruction set, for tests and benchmarks. REQUIRES: it is available.
void ScoreKeysOn(Isa isa, tensor::ConstMatrix queries, ActivationType type,
                 tensor::ConstMatrix weights, const CachedRows& keys, tensor::Matrix scores);

}  // namespace glimmer::kernels
