#include "model/attention.h"

#include "kernels/elementwise.h"
#include "model/attention_paths.h"
#include "model/indexer.h"
#include "model/linear.h"
#include "model/operator_clock.h"

namespace glimmer::model {
namespace {

using kernels::RopeStyle;
using tensor::ConstMatrix;
using tensor::OwnedMatrix;

// Above this many positions the expanded path would need too much memory for a head's keys and
// values (64 MB for GLM-5.1).
constexpr size_t kMaxExpandedPositions = 32768;

// Latents and rotated keys of the rows, into the caches.
void StoreLatents(const Pass& pass, size_t layer, const AttentionWeights& weights, LinearInput& x) {
  const Config& c = pass.model.config;
  const OwnedMatrix latents = Apply(pass, x, weights.kv_a_proj);
  for (const Span& span : pass.spans) {
    span.sequence->layer(layer).Grow(span.first_position + span.count);
    ForEachRow(pass, span.count, [&](size_t i) {
      const std::span<float> row = latents.view().row_span(span.first_row + i);
      const std::span<float> latent = row.first(c.kv_lora_rank);
      kernels::RmsNorm(latent, weights.kv_a_norm, pass.model.latent_norm_eps, latent);
      pass.rope.Rotate(span.first_row + i, RopeStyle::kInterleaved, row.subspan(c.kv_lora_rank));
      span.sequence->layer(layer).latents.Store(span.first_position + i, row);
    });
  }
  if (pass.observer == nullptr) return;
  const LinearInput c_kv(pass, latents.view().Cols(0, c.kv_lora_rank));
  pass.observer->OnLinearInput(weights.kv_b_proj, c_kv.unrounded(), c_kv.cols());
}

// Queries [T, N (Dn + Dr)], rotated.
OwnedMatrix Queries(const Pass& pass, const AttentionWeights& weights, LinearInput& q_latent) {
  const Config& c = pass.model.config;
  OwnedMatrix queries = Apply(pass, q_latent, weights.q_b_proj);
  ForEachRow(pass, queries.rows(), [&](size_t row) {
    for (size_t head = 0; head < c.num_attention_heads; ++head) {
      float* query = queries.row(row) + head * c.qk_head_dim();
      pass.rope.Rotate(row, RopeStyle::kInterleaved,
                       {query + c.qk_nope_head_dim, c.qk_rope_head_dim});
    }
  });
  return queries;
}

// Whether expanding takes fewer operations than absorbing; an operation takes about the same time
// in both (docs/kernels/attention.md). For each head, in products, with S' positions seen by an
// average row:
//   expanded  S R (Dn + Dv)   + T S' (Dn + Dr + Dv)        (selected or not: all are computed)
//   absorbed  T R (Dn + Dv)   + T min(S', K) (2 R + Dr)
bool ShouldExpand(const Pass& pass, const Span& span) {
  if (pass.model.settings.attention != AttentionPath::kAuto) {
    return pass.model.settings.attention == AttentionPath::kExpanded;
  }
  const Config& c = pass.model.config;
  const auto rows = static_cast<double>(span.count);
  const double positions = static_cast<double>(span.first_position) + rows;
  if (span.count == 1 || positions > kMaxExpandedPositions) return false;
  const double seen = positions - (rows - 1) / 2;
  const double read = std::min(seen, static_cast<double>(c.index_topk));
  const auto heads = static_cast<double>(c.qk_nope_head_dim + c.v_head_dim);
  const auto latent = static_cast<double>(c.kv_lora_rank);
  const auto rotated = static_cast<double>(c.qk_rope_head_dim);
  const double expanded = positions * latent * heads + rows * seen * (heads + rotated);
  const double absorbed = rows * latent * heads + rows * read * (2 * latent + rotated);
  return expanded < absorbed;
}

}  // namespace

OwnedMatrix Attend(const Pass& pass, size_t layer, const AttentionWeights& weights, ConstMatrix x,
                   Selection& selection) {
  const OperatorTimer timer(pass, Operator::kMlaProjections);
  const Config& c = pass.model.config;
  LinearInput hidden(pass, x);
  const OwnedMatrix q_latent = Apply(pass, hidden, weights.q_a_proj);
  ForEachRow(pass, x.rows, [&](size_t row) {
    const std::span<float> latent = q_latent.view().row_span(row);
    kernels::RmsNorm(latent, weights.q_a_norm, pass.model.latent_norm_eps, latent);
  });
  StoreLatents(pass, layer, weights, hidden);
  LinearInput q_input(pass, q_latent);
  if (weights.indexer) {
    selection = SelectPositions(pass, layer, *weights.indexer, hidden, q_input);
    if (pass.observer != nullptr) pass.observer->OnSelection(layer, selection);
  }
  const OwnedMatrix queries = Queries(pass, weights, q_input);

  const OwnedMatrix heads(pass.rows(), c.num_attention_heads * c.v_head_dim);
  for (const Span& span : pass.spans) {
    const AttentionInput input = {span, span.sequence->layer(layer).latents, weights.kv_b_proj,
                                  queries, selection};
    ShouldExpand(pass, span) ? AttendExpanded(pass, input, heads)
                             : AttendAbsorbed(pass, input, heads);
  }
  LinearInput output(pass, heads);
  return Apply(pass, output, weights.o_proj);
}

}  // namespace glimmer::model
