#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/elementwise.h"
#include "kernels/matmul.h"
#include "model/attention_paths.h"
#include "model/operator_clock.h"

namespace glimmer::model {
namespace {

using tensor::ConstMatrix;
using tensor::Matrix;
using tensor::OwnedMatrix;

constexpr size_t kQueriesAtOnce = 32;
constexpr size_t kLoadGrain = 64;

// One head's keys [S, Dn + Dr] and values [S, Dv].
struct HeadCache {
  OwnedMatrix keys, values;
};

HeadCache Expand(const Pass& pass, const AttentionInput& input, ConstMatrix latents, size_t head) {
  const Config& c = pass.model.config;
  const size_t nope = c.qk_nope_head_dim, rope = c.qk_rope_head_dim, value = c.v_head_dim;
  const size_t first = head * (nope + value);
  HeadCache cache = {OwnedMatrix(latents.rows, nope + rope), OwnedMatrix(latents.rows, value)};
  const ConstMatrix c_kv = latents.Cols(0, c.kv_lora_rank);
  kernels::MatMulHere(c_kv, RowsOf(input.kv_b_proj, first, nope), cache.keys.view().Cols(0, nope));
  kernels::MatMulHere(c_kv, RowsOf(input.kv_b_proj, first + nope, value), cache.values);
  for (size_t u = 0; u < latents.rows; ++u) {
    std::copy_n(latents.row(u) + c.kv_lora_rank, rope, cache.keys.row(u) + nope);
  }
  return cache;
}

// Minus infinity for what the row may not see: later positions, and those not selected.
void Hide(std::span<float> scores, size_t position, const std::vector<uint32_t>& selected) {
  constexpr float kHidden = -std::numeric_limits<float>::infinity();
  std::fill(scores.begin() + static_cast<ptrdiff_t>(position) + 1, scores.end(), kHidden);
  if (selected.empty()) return;
  size_t next = 0;
  for (size_t u = 0; u <= position; ++u) {
    if (next < selected.size() && selected[next] == u) {
      ++next;
    } else {
      scores[u] = kHidden;
    }
  }
}

void AttendHead(const Pass& pass, const AttentionInput& input, const HeadCache& cache, size_t head,
                Matrix heads) {
  const Config& c = pass.model.config;
  const Span& span = input.span;
  const float scale = 1.0f / std::sqrt(static_cast<float>(c.qk_head_dim()));
  for (size_t first = 0; first < span.count; first += kQueriesAtOnce) {
    const size_t count = std::min(kQueriesAtOnce, span.count - first);
    const size_t row = span.first_row + first;
    const size_t visible = span.first_position + first + count;
    const OwnedMatrix scores(count, visible);
    kernels::MatMulHere(
        input.queries.Rows(row, count).Cols(head * c.qk_head_dim(), c.qk_head_dim()),
        kernels::AsWeight(cache.keys.view().Rows(0, visible)), scores);
    for (size_t i = 0; i < count; ++i) {
      const std::span<float> line = scores.view().row_span(i);
      Hide(line, span.first_position + first + i, input.selection[row + i]);
      kernels::Softmax(scale, line);
    }
    kernels::WeightedSum(scores, cache.values.view().Rows(0, visible),
                         heads.Rows(row, count).Cols(head * c.v_head_dim, c.v_head_dim));
  }
}

}  // namespace

void AttendExpanded(const Pass& pass, const AttentionInput& input, Matrix heads) {
  const OperatorTimer timer(pass, Operator::kAttention);
  const Config& c = pass.model.config;
  const OwnedMatrix latents(input.span.first_position + input.span.count, input.latents.cols());
  CountKvB(pass, input.span, input.kv_b_proj, latents.rows());
  CountAttention(pass, input.span, input.latents, AttentionForm::kExpanded);
  base::RunRanges(pass.pool, latents.rows(), kLoadGrain, [&](size_t first, size_t last, size_t) {
    for (size_t u = first; u < last; ++u) input.latents.Load(u, latents.view().row_span(u));
  });
  pass.pool.Run(c.num_attention_heads, [&](size_t head, size_t) {
    AttendHead(pass, input, Expand(pass, input, latents, head), head, heads);
  });
}

}  // namespace glimmer::model
