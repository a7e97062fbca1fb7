// Softmax attention of some queries over positions that come block by block:
//   y[n] = sum_u p[n, u] v[u],   p[n, u] = exp(scale q[n] · k[u]) / sum over all u of the same
// computed as a running maximum, total and weighted sum, so that no row of all scores exists. The
// positions of one Add are cut into blocks of 64; a query's result depends on these cuts and on
// the order of Add and Merge, not on the queries beside it.
// All sums are F32. A score s has an error of (Dk / 8 + 12) * 2^-24 * sum |q k|, an exponential one
// of 4 * 2^-24 beside that of its argument, and each sum one of 2^-24 for each position.
// docs/kernels/attention.md. One thread at a time for each object.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/cache_rows.h"
#include "kernels/isa.h"
#include "kernels/table.h"
#include "tensor/matrix.h"

namespace glimmer::kernels {

// Keys and values of at most kAttentionBlock positions. A key is a row of `keys` and then one of
// `rotated`, which several heads share.
struct KeyBlock {
  tensor::ConstMatrix keys;     // [S, Dn]
  tensor::ConstMatrix rotated;  // [S, Dr]
  tensor::ConstMatrix values;   // [S, Dv]
};

class SoftmaxSums {
 public:
  // Nothing added yet. Queries [N, Dk] are copied.
  SoftmaxSums(tensor::ConstMatrix queries, size_t value_cols, float scale);
  // On a given instruction set, for tests and benchmarks. REQUIRES: it is available.
  SoftmaxSums(Isa isa, tensor::ConstMatrix queries, size_t value_cols, float scale);

  // Every query sees every row: its key is the whole row, its value the first value_cols columns.
  // REQUIRES: rows.cols == Dk.
  void Add(const CachedRows& rows);
  // Query n sees position u of the block if bit u of visible[n] is set.
  // REQUIRES: no bits from S on; a key has Dk columns.
  void Add(const KeyBlock& block, std::span<const uint64_t> visible);
  // Adds what `later` has added. REQUIRES: the same queries.
  void Merge(const SoftmaxSums& later);
  // y [N, Dv]. REQUIRES: every query has seen a position.
  void Finish(tensor::Matrix y) const;

 private:
  struct Block;
  void Add(const Block& block, size_t count, const uint64_t* visible);

  const Table& table_;
  size_t value_cols_;
  float scale_;
  tensor::OwnedMatrix queries_;  // padded with zero columns
  tensor::OwnedMatrix sums_;     // padded
  std::vector<float> maxima_, totals_;
};

}  // namespace glimmer::kernels
