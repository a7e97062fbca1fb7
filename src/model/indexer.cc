#include "model/indexer.h"

#include <algorithm>

#include "kernels/activations.h"
#include "kernels/elementwise.h"
#include "kernels/index_scores.h"
#include "kernels/top_k.h"
#include "model/operator_clock.h"

namespace glimmer::model {
namespace {

using kernels::ActivationType;
using tensor::ConstMatrix;
using tensor::Matrix;
using tensor::OwnedMatrix;

// torch.nn.LayerNorm's default, which no config changes.
constexpr float kKeyNormEps = 1e-6f;
// Rows scored together: bounds the memory for scores (16 MB at 131,072 positions), and each key is
// decoded once for all of them.
constexpr size_t kRowsAtOnce = 32;
constexpr size_t kKeysAtOnce = 256;

void StoreKeys(const Pass& pass, size_t layer, const IndexerWeights& weights, LinearInput& x,
               kernels::RopeStyle style) {
  const OwnedMatrix keys = Apply(pass, x, weights.wk);
  for (const Span& span : pass.spans) {
    ForEachRow(pass, span.count, [&](size_t i) {
      const size_t row = span.first_row + i;
      const std::span<float> key = keys.view().row_span(row);
      kernels::LayerNorm(key, weights.k_norm_weight, weights.k_norm_bias, kKeyNormEps, key);
      if (!AreFinite(key)) pass.faults->Report(layer, "self_attn.indexer", "keys");
      pass.rope.Rotate(row, style, key.first(pass.model.config.qk_rope_head_dim));
      span.sequence->layer(layer).keys.Store(span.first_position + i, key);
    });
  }
}

// Chooses for the rows [first, last) of a span, whose positions all exceed index_topk.
void SelectRows(const Pass& pass, const Span& span, const RowStore& keys, ConstMatrix queries,
                ConstMatrix head_weights, size_t first, size_t last, Selection& selection) {
  const size_t visible = span.first_position + last;  // of the last row
  const size_t row = span.first_row + first, count = last - first;
  const OwnedMatrix scores(count, visible);
  const size_t blocks = (visible + kKeysAtOnce - 1) / kKeysAtOnce;
  pass.pool.Run(blocks, [&](size_t block, size_t) {
    const size_t begin = block * kKeysAtOnce, some = std::min(kKeysAtOnce, visible - begin);
    std::vector<const std::byte*> rows;
    kernels::ScoreKeys(queries.Rows(row, count), TypeOutsideLinears(pass),
                       head_weights.Rows(row, count), keys.Rows(begin, some, rows),
                       scores.view().Cols(begin, some));
  });
  const OperatorTimer timer(pass, Operator::kIndexerTopK);
  pass.pool.Run(count, [&](size_t i, size_t) {
    selection[row + i] = kernels::TopK({scores.row(i), span.first_position + first + i + 1},
                                       static_cast<size_t>(pass.model.config.index_topk));
  });
}

// Rotates the queries and rounds them to their type, so that products of BF16 pairs lose nothing.
void PrepareQueries(const Pass& pass, size_t layer, kernels::RopeStyle style, Matrix queries,
                    ConstMatrix head_weights) {
  const Config& c = pass.model.config;
  ForEachRow(pass, queries.rows, [&](size_t row) {
    if (!AreFinite(queries.row_span(row)) || !AreFinite(head_weights.row_span(row))) {
      pass.faults->Report(layer, "self_attn.indexer", "queries");
    }
    for (size_t head = 0; head < c.index_n_heads; ++head) {
      pass.rope.Rotate(row, style,
                       {queries.row(row) + head * c.index_head_dim, c.qk_rope_head_dim});
    }
    if (TypeOutsideLinears(pass) == ActivationType::kBf16) {
      kernels::RoundToBf16(queries.row_span(row), queries.row_span(row));
    }
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
  PrepareQueries(pass, layer, style, queries, head_weights);
  const OperatorTimer scores_timer(pass, Operator::kIndexerScores);
  for (const Span& span : pass.spans) {
    CountIndexerScores(pass, span, span.sequence->layer(layer).keys);
    const size_t visible = span.first_position + span.count;
    if (visible <= c.index_topk) continue;
    const size_t unscored =
        c.index_topk > span.first_position ? c.index_topk - span.first_position : 0;
    for (size_t first = unscored; first < span.count; first += kRowsAtOnce) {
      SelectRows(pass, span, span.sequence->layer(layer).keys, queries, head_weights, first,
                 std::min(first + kRowsAtOnce, span.count), selection);
    }
  }
  return selection;
}

}  // namespace glimmer::model
