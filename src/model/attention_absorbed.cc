#include <algorithm>
#include <cmath>

#include "kernels/elementwise.h"
#include "kernels/matmul.h"
#include "model/attention_paths.h"
#include "model/operator_clock.h"

namespace glimmer::model {
namespace {

using tensor::ConstMatrix;
using tensor::Matrix;
using tensor::OwnedMatrix;

// Rows computed together: bounds the memory for absorbed queries (80 MB for GLM-5.1).
constexpr size_t kRowsAtOnce = 256;

// Rows [first, first + count) of the span.
class AbsorbedRows {
 public:
  AbsorbedRows(const Pass& pass, const AttentionInput& input, size_t first, size_t count)
      : pass_(pass),
        input_(input),
        c_(pass.model.config),
        first_(first),
        count_(count),
        width_(c_.kv_lora_rank + c_.qk_rope_head_dim),
        queries_(count, c_.num_attention_heads * width_),
        sums_(count, c_.num_attention_heads * c_.kv_lora_rank) {}

  void Run(Matrix heads) {
    const OperatorTimer timer(pass_, Operator::kAbsorbing);
    CountKvB(pass_, Rows(), input_.kv_b_proj, count_);
    pass_.pool.Run(c_.num_attention_heads, [&](size_t head, size_t) { AbsorbQueries(head); });
    SumAllLatents();
    pass_.pool.Run(c_.num_attention_heads, [&](size_t head, size_t) { ApplyValues(head, heads); });
  }

 private:
  void SumAllLatents() {
    const OperatorTimer timer(pass_, Operator::kAttention);
    CountAttention(pass_, Rows(), input_.latents, AttentionForm::kAbsorbed);
    // Few rows are divided by heads too, so that decoding uses all threads.
    const size_t groups = count_ >= pass_.pool.threads()
                              ? 1
                              : std::min<size_t>(pass_.pool.threads(), c_.num_attention_heads);
    pass_.pool.Run(count_ * groups, [&](size_t task, size_t) {
      const size_t group = task % groups;
      SumLatents(task / groups, c_.num_attention_heads * group / groups,
                 c_.num_attention_heads * (group + 1) / groups);
    });
  }

  Span Rows() const {
    const Span& span = input_.span;
    return {span.sequence, span.first_row + first_, count_, span.first_position + first_};
  }
  size_t Row(size_t i) const { return input_.span.first_row + first_ + i; }
  size_t FirstWeightRow(size_t head) const { return head * (c_.qk_nope_head_dim + c_.v_head_dim); }

  // [q_nope · W_UK | q_pe], R + Dr values for each row.
  void AbsorbQueries(size_t head) {
    const OwnedMatrix key_rows(c_.qk_nope_head_dim, c_.kv_lora_rank);
    kernels::DecodeRows(input_.kv_b_proj, FirstWeightRow(head), key_rows);
    const ConstMatrix query =
        input_.queries.Rows(Row(0), count_).Cols(head * c_.qk_head_dim(), c_.qk_head_dim());
    const Matrix absorbed = queries_.view().Cols(head * width_, width_);
    kernels::WeightedSum(query.Cols(0, c_.qk_nope_head_dim), key_rows,
                         absorbed.Cols(0, c_.kv_lora_rank));
    for (size_t i = 0; i < count_; ++i) {
      std::copy_n(query.row(i) + c_.qk_nope_head_dim, c_.qk_rope_head_dim,
                  absorbed.row(i) + c_.kv_lora_rank);
    }
  }

  OwnedMatrix VisibleLatents(size_t i) const {
    const std::vector<uint32_t>& selected = input_.selection[Row(i)];
    const size_t visible = input_.span.first_position + first_ + i + 1;
    OwnedMatrix latents(selected.empty() ? visible : selected.size(), width_);
    for (size_t s = 0; s < latents.rows(); ++s) {
      input_.latents.Load(selected.empty() ? s : selected[s], latents.view().row_span(s));
    }
    return latents;
  }

  // sum_u p[u] c[u] for the heads [begin, end) of one row.
  void SumLatents(size_t i, size_t begin, size_t end) {
    const OwnedMatrix latents = VisibleLatents(i);
    const OwnedMatrix scores(end - begin, latents.rows());
    const ConstMatrix queries = {queries_.row(i) + begin * width_, end - begin, width_, width_};
    kernels::MatMulHere(queries, kernels::AsWeight(latents), scores);
    const float scale = 1.0f / std::sqrt(static_cast<float>(c_.qk_head_dim()));
    for (size_t head = 0; head < end - begin; ++head) {
      kernels::Softmax(scale, scores.view().row_span(head));
    }
    kernels::WeightedSum(
        scores, latents.view().Cols(0, c_.kv_lora_rank),
        {sums_.row(i) + begin * c_.kv_lora_rank, end - begin, c_.kv_lora_rank, c_.kv_lora_rank});
  }

  void ApplyValues(size_t head, Matrix heads) {
    kernels::MatMulHere(
        sums_.view().Cols(head * c_.kv_lora_rank, c_.kv_lora_rank),
        RowsOf(input_.kv_b_proj, FirstWeightRow(head) + c_.qk_nope_head_dim, c_.v_head_dim),
        heads.Rows(Row(0), count_).Cols(head * c_.v_head_dim, c_.v_head_dim));
  }

  const Pass& pass_;
  const AttentionInput& input_;
  const Config& c_;
  size_t first_, count_;
  size_t width_;         // R + Dr
  OwnedMatrix queries_;  // [count, N (R + Dr)]
  OwnedMatrix sums_;     // [count, N R]
};

}  // namespace

void AttendAbsorbed(const Pass& pass, const AttentionInput& input, Matrix heads) {
  for (size_t first = 0; first < input.span.count; first += kRowsAtOnce) {
    AbsorbedRows(pass, input, first, std::min(kRowsAtOnce, input.span.count - first)).Run(heads);
  }
}

}  // namespace glimmer::model
