// Products of BF16 pairs with F32 sums: what sets with vdpbf16ps provide beside the rest of
// table.h, for matmul.h and index_scores.h. Plain pointers only, for the reason given there.
//
// One step of a sum, for a lane and the pair of columns that stands in it: the product of the odd
// column is added, then that of the even one, each rounded once as a fused multiply-add to nearest
// even. Magnitudes below 2^-126 count as zero, going in and coming out (Intel's manual, VDPBF16PS).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/attention_table.h"

namespace glimmer::kernels {

struct MatMulArgs;

// Rows of activations that stand side by side, and columns of one step. A group is
// [step][row of the group][kPairColumns columns] with zeros behind the last column; only the last
// group may have fewer than kPairRows rows.
constexpr size_t kPairRows = 6;
constexpr size_t kPairColumns = 8;

// Up to kPairRows rows of F32 into a group, to the nearest BF16.
struct PackPairsArgs {
  const float* const* rows;
  size_t count, cols;
  uint16_t* to;
};

struct Bf16Table {
  // With weights in BF16 and in NVFP4; MatMulArgs::pairs are the activations.
  void (*matmul_bf16)(const MatMulArgs& args);
  void (*matmul_nvfp4)(const MatMulArgs& args);
  void (*pack_pairs)(const PackPairsArgs& args);
  // The patterns of BF16 numbers. REQUIRES: count % 16 == 0.
  void (*narrow)(const float* from, size_t count, uint16_t* to);
  // Queries from ScoreKeysArgs::pairs, keys in BF16 or E4M3. REQUIRES: width % 16 == 0.
  void (*score_keys)(const ScoreKeysArgs& args);
  // One step on its own, for tests: sums[l] of sixteen lanes with a[2 l], a[2 l + 1] and b alike.
  void (*dot_pairs)(const uint16_t* a, const uint16_t* b, float* sums);
};

}  // namespace glimmer::kernels
