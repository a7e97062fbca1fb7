#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/attention.h"
#include "kernels/matmul.h"
#include "model/attention_paths.h"
#include "model/operator_clock.h"

namespace glimmer::model {
namespace {

using kernels::kAttentionBlock;
using kernels::SoftmaxSums;
using tensor::ConstMatrix;
using tensor::Matrix;
using tensor::OwnedMatrix;

// Queries that share a block of keys and values: with 256 + 256 values a position, sums, keys,
// values, scores and the queries themselves take 430 KB, about a second-level cache.
constexpr size_t kQueriesAtOnce = 128;
// Positions are loaded and expanded in pieces of this length.
constexpr size_t kLoadGrain = 64;
// Values that the keys and values of heads computed together may hold: 128 MB.
constexpr size_t kMaxExpandedValues = size_t{32} << 20;

// Which positions each of some rows sees, as words for the blocks of positions.
class Visibility {
 public:
  Visibility(const AttentionInput& input, size_t first, size_t count)
      : count_(count),
        blocks_((input.span.first_position + first + count - 1) / kAttentionBlock + 1),
        words_(blocks_ * count) {
    for (size_t i = 0; i < count; ++i) {
      const size_t positions = input.span.first_position + first + i + 1;
      const std::vector<uint32_t>& selected = input.selection[input.span.first_row + first + i];
      if (selected.empty()) {
        const size_t whole = positions / kAttentionBlock, rest = positions % kAttentionBlock;
        for (size_t block = 0; block < whole; ++block) Word(block, i) = ~uint64_t{0};
        if (rest > 0) Word(whole, i) = (uint64_t{1} << rest) - 1;
      }
      for (const uint32_t u : selected) {
        Word(u / kAttentionBlock, i) |= uint64_t{1} << (u % kAttentionBlock);
      }
    }
  }

  size_t blocks() const { return blocks_; }
  // By row.
  std::span<const uint64_t> Block(size_t block) const {
    return std::span(words_).subspan(block * count_, count_);
  }

 private:
  uint64_t& Word(size_t block, size_t i) { return words_[block * count_ + i]; }

  size_t count_, blocks_;
  std::vector<uint64_t> words_;
};

// Keys and values of the heads [first, first + count) at all positions.
class ExpandedHeads {
 public:
  // `packed`: what kv_b_proj reads of the latents.
  ExpandedHeads(const Pass& pass, const AttentionInput& input, ConstMatrix latents,
                const kernels::PackedRows& packed, size_t first, size_t count)
      : c_(pass.model.config),
        input_(input),
        latents_(latents),
        first_(first),
        expanded_(latents.rows, count * Width()) {
    const kernels::Weight weight = RowsOf(input.kv_b_proj, first * Width(), count * Width());
    kernels::MatMul(pass.pool, packed, weight, expanded_);
  }

  // Rows [row, row + count) of the span for one head.
  void Attend(size_t head, size_t row, size_t count, Matrix heads) const {
    const size_t begin = (head - first_) * Width();
    const ConstMatrix expanded = expanded_;
    const ConstMatrix keys = expanded.Cols(begin, c_.qk_nope_head_dim);
    const ConstMatrix values = expanded.Cols(begin + c_.qk_nope_head_dim, c_.v_head_dim);
    const ConstMatrix rotated = latents_.Cols(c_.kv_lora_rank, c_.qk_rope_head_dim);
    const size_t first = input_.span.first_row + row;
    SoftmaxSums sums(
        input_.queries.Rows(first, count).Cols(head * c_.qk_head_dim(), c_.qk_head_dim()),
        c_.v_head_dim, 1.0f / std::sqrt(static_cast<float>(c_.qk_head_dim())));
    const Visibility visible(input_, row, count);
    for (size_t block = 0; block < visible.blocks(); ++block) {
      const std::span<const uint64_t> words = visible.Block(block);
      if (std::all_of(words.begin(), words.end(), [](uint64_t word) { return word == 0; })) {
        continue;
      }
      const size_t u = block * kAttentionBlock;
      const size_t some = std::min(kAttentionBlock, latents_.rows - u);
      sums.Add({keys.Rows(u, some), rotated.Rows(u, some), values.Rows(u, some)}, words);
    }
    sums.Finish(heads.Rows(first, count).Cols(head * c_.v_head_dim, c_.v_head_dim));
  }

 private:
  size_t Width() const { return c_.qk_nope_head_dim + c_.v_head_dim; }

  const Config& c_;
  const AttentionInput& input_;
  ConstMatrix latents_;
  size_t first_;
  OwnedMatrix expanded_;  // [S, count (Dn + Dv)]
};

// Latents as kv_b_proj reads them. Where inputs of linears are rounded, these are BF16 already.
kernels::PackedRows PackLatents(const Pass& pass, const AttentionInput& input,
                                ConstMatrix latents) {
  const auto type =
      input.latents.is_bf16() ? TypeOutsideLinears(pass) : kernels::ActivationType::kF32;
  return kernels::PackRows(pass.pool, latents.Cols(0, pass.model.config.kv_lora_rank),
                           kernels::FormFor(input.kv_b_proj.format, type, latents.rows));
}

}  // namespace

void AttendExpanded(const Pass& pass, const AttentionInput& input, Matrix heads) {
  if (input.span.count == 0) return;
  const OperatorTimer timer(pass, Operator::kAttention);
  const Config& c = pass.model.config;
  const OwnedMatrix latents(input.span.first_position + input.span.count, input.latents.cols());
  CountKvB(pass, input.span, input.kv_b_proj, latents.rows());
  CountAttention(pass, input.span, input.latents, AttentionForm::kExpanded);
  base::RunRanges(pass.pool, latents.rows(), kLoadGrain, [&](size_t first, size_t last, size_t) {
    for (size_t u = first; u < last; ++u) input.latents.Load(u, latents.view().row_span(u));
  });
  const kernels::PackedRows packed = PackLatents(pass, input, latents);
  const size_t all = c.num_attention_heads;
  const size_t at_once = std::clamp<size_t>(
      kMaxExpandedValues / (latents.rows() * (c.qk_nope_head_dim + c.v_head_dim)), 1, all);
  const size_t pieces = (input.span.count + kQueriesAtOnce - 1) / kQueriesAtOnce;
  for (size_t first = 0; first < all; first += at_once) {
    const size_t count = std::min(at_once, all - first);
    const ExpandedHeads expanded(pass, input, latents, packed, first, count);
    pass.pool.Run(count * pieces, [&](size_t task, size_t) {
      // The last rows see most: they come first.
      const size_t row = (pieces - 1 - task / count) * kQueriesAtOnce;
      expanded.Attend(first + task % count, row, std::min(kQueriesAtOnce, input.span.count - row),
                      heads);
    });
  }
}

}  // namespace glimmer::model
