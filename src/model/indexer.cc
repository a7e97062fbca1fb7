#include "model/indexer.h"

#include <algorithm>

#include "kernels/elementwise.h"
#include "kernels/matmul.h"
#include "kernels/top_k.h"
#include "model/operator_clock.h"

namespace glimmer::model {
namespace {

using tensor::ConstMatrix;
using tensor::Matrix;
using tensor::OwnedMatrix;

// torch.nn.LayerNorm's default, which no config changes.
constexpr float kKeyNormEps = 1e-6f;
// Rows scored together: bounds the memory for scores.
constexpr size_t kRowsAtOnce = 32;
constexpr size_t kKeysAtOnce = 512;

void StoreKeys(const Pass& pass, size_t layer, const IndexerWeights& weights, LinearInput& x,
               kernels::RopeStyle style) {
  const OwnedMatrix keys = Apply(pass, x, weights.wk);
  for (const Span& span : pass.spans) {
    for (size_t i = 0; i < span.count; ++i) {
      const size_t row = span.first_row + i;
      const std::span<float> key = keys.view().row_span(row);
      kernels::LayerNorm(key, weights.k_norm_weight, weights.k_norm_bias, kKeyNormEps, key);
      if (!AreFinite(key)) pass.faults->Report(layer, "the indexer's keys");
      pass.rope.Rotate(row, style, key.first(pass.model.config.qk_rope_head_dim));
      span.sequence->layer(layer).keys.Store(span.first_position + i, key);
    }
  }
}

// score[u] for keys [first, first + keys.rows) and one row's queries [index_n_heads, Di].
void ScoreKeys(ConstMatrix queries, std::span<const float> head_weights, ConstMatrix keys,
               std::span<float> scores) {
  OwnedMatrix dots(queries.rows, keys.rows);
  kernels::MatMulHere(queries, kernels::AsWeight(keys), dots);
  std::fill(scores.begin(), scores.end(), 0.0f);
  for (size_t head = 0; head < queries.rows; ++head) {
    const float* dot = dots.row(head);
    for (size_t u = 0; u < scores.size(); ++u) {
      scores[u] += head_weights[head] * std::max(dot[u], 0.0f);
    }
  }
}

// Chooses for the rows [first, last) of a span, whose positions all exceed index_topk.
void SelectRows(const Pass& pass, const Span& span, ConstMatrix keys, Matrix queries,
                ConstMatrix head_weights, size_t first, size_t last, Selection& selection) {
  const Config& c = pass.model.config;
  const size_t visible = span.first_position + last;  // of the last row
  const size_t blocks = (visible + kKeysAtOnce - 1) / kKeysAtOnce;
  const OwnedMatrix scores(last - first, visible);
  pass.pool.Run((last - first) * blocks, [&](size_t task, size_t) {
    const size_t i = task / blocks, row = span.first_row + first + i;
    const size_t begin = task % blocks * kKeysAtOnce;
    const size_t end = std::min(begin + kKeysAtOnce, span.first_position + first + i + 1);
    if (begin >= end) return;
    ScoreKeys({queries.row(row), c.index_n_heads, c.index_head_dim, c.index_head_dim},
              head_weights.row_span(row), keys.Rows(begin, end - begin),
              {scores.row(i) + begin, end - begin});
  });
  const OperatorTimer timer(pass, Operator::kIndexerTopK);
  pass.pool.Run(last - first, [&](size_t i, size_t) {
    selection[span.first_row + first + i] = kernels::TopK(
        {scores.row(i), span.first_position + first + i + 1}, static_cast<size_t>(c.index_topk));
  });
}

}  // namespace

Selection SelectPositions(const Pass& pass, size_t layer, const IndexerWeights& weights,
                          LinearInput& x, LinearInput& q_latent) {
  const OperatorTimer timer(pass, Operator::kIndexerProjections);
  const Config& c = pass.model.config;
  const auto style =
      c.indexer_rope_interleave ? kernels::RopeStyle::kInterleaved : kernels::RopeStyle::kHalves;
  StoreKeys(pass, layer, weights, x, style);
  Selection selection(pass.rows());
  const bool all_see_all = std::all_of(pass.spans.begin(), pass.spans.end(), [&](const Span& s) {
    return s.first_position + s.count <= c.index_topk;
  });
  if (all_see_all) return selection;

  const OwnedMatrix queries = Apply(pass, q_latent, weights.wq_b);
  const OwnedMatrix head_weights = Apply(pass, x, weights.weights_proj);
  ForEachRow(pass, queries.rows(), [&](size_t row) {
    if (!AreFinite(queries.view().row_span(row)) || !AreFinite(head_weights.view().row_span(row))) {
      pass.faults->Report(layer, "the indexer's queries");
    }
    for (size_t head = 0; head < c.index_n_heads; ++head) {
      pass.rope.Rotate(row, style,
                       {queries.row(row) + head * c.index_head_dim, c.qk_rope_head_dim});
    }
  });
  const OperatorTimer scores_timer(pass, Operator::kIndexerScores);
  for (const Span& span : pass.spans) {
    CountIndexerScores(pass, span, span.sequence->layer(layer).keys);
    const size_t visible = span.first_position + span.count;
    if (visible <= c.index_topk) continue;
    const OwnedMatrix keys(visible, c.index_head_dim);
    base::RunRanges(pass.pool, visible, kKeysAtOnce, [&](size_t begin, size_t end, size_t) {
      for (size_t u = begin; u < end; ++u) {
        span.sequence->layer(layer).keys.Load(u, keys.view().row_span(u));
      }
    });
    const size_t unscored =
        c.index_topk > span.first_position ? c.index_topk - span.first_position : 0;
    for (size_t first = unscored; first < span.count; first += kRowsAtOnce) {
      SelectRows(pass, span, keys, queries, head_weights, first,
                 std::min(first + kRowsAtOnce, span.count), selection);
    }
  }
  return selection;
}

}  // namespace glimmer::model
