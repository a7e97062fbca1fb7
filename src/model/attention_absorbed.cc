#include <algorithm>
#include <cmath>

#include "kernels/attention.h"
#include "kernels/head_products.h"
#include "model/attention_paths.h"
#include "model/operator_clock.h"

namespace glimmer::model {
namespace {

using kernels::SoftmaxSums;
using tensor::ConstMatrix;
using tensor::Matrix;
using tensor::OwnedMatrix;

// Rows computed together: bounds the memory for absorbed queries (80 MB for GLM-5.1).
constexpr size_t kRowsAtOnce = 256;
// Positions that are summed by themselves and then merged in order, whoever computes them: a result
// does not depend on the number of threads. Eight of them keep eight threads busy with one row of
// 2,048 positions, more with heads in groups.
constexpr size_t kPositionsAtOnce = 256;
// Tasks for each thread, and the fewest heads of a group: each group decodes the rows again.
constexpr size_t kTasksPerThread = 3;
constexpr size_t kLeastHeads = 12;

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
        scale_(1.0f / std::sqrt(static_cast<float>(c_.qk_head_dim()))),
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
    if (first_ == 0) {
      CountAttention(pass_, input_.span, input_.latents, AttentionForm::kAbsorbed);
    }
    const size_t enough = kTasksPerThread * pass_.pool.threads();
    if (count_ >= enough) {
      pass_.pool.Run(count_, [&](size_t i, size_t) { SumRow(i); });
    } else {
      for (size_t i = 0; i < count_; ++i) SumRowTogether(i, enough);
    }
  }

  Span Rows() const {
    const Span& span = input_.span;
    return {span.sequence, span.first_row + first_, count_, span.first_position + first_};
  }
  size_t Row(size_t i) const { return input_.span.first_row + first_ + i; }
  size_t FirstWeightRow(size_t head) const { return head * (c_.qk_nope_head_dim + c_.v_head_dim); }
  const std::vector<uint32_t>& Selected(size_t i) const { return input_.selection[Row(i)]; }
  size_t Positions(size_t i) const {
    return Selected(i).empty() ? input_.span.first_position + first_ + i + 1 : Selected(i).size();
  }

  // [q_nope · W_UK | q_pe], R + Dr values for each row.
  void AbsorbQueries(size_t head) {
    const ConstMatrix query =
        input_.queries.Rows(Row(0), count_).Cols(head * c_.qk_head_dim(), c_.qk_head_dim());
    const Matrix absorbed = queries_.view().Cols(head * width_, width_);
    kernels::SumOfRows(query.Cols(0, c_.qk_nope_head_dim), TypeOutsideLinears(pass_),
                       RowsOf(input_.kv_b_proj, FirstWeightRow(head), c_.qk_nope_head_dim),
                       absorbed.Cols(0, c_.kv_lora_rank));
    for (size_t i = 0; i < count_; ++i) {
      std::copy_n(query.row(i) + c_.qk_nope_head_dim, c_.qk_rope_head_dim,
                  absorbed.row(i) + c_.kv_lora_rank);
    }
  }

  SoftmaxSums Nothing(size_t i, size_t head, size_t heads) const {
    return SoftmaxSums(ConstMatrix{queries_.row(i) + head * width_, heads, width_, width_},
                       c_.kv_lora_rank, scale_);
  }

  // Some of the row's positions, for the heads [head, head + heads).
  SoftmaxSums SumPart(size_t i, size_t part, size_t head, size_t heads) const {
    const size_t first = part * kPositionsAtOnce;
    const size_t count = std::min(kPositionsAtOnce, Positions(i) - first);
    std::vector<const std::byte*> rows;
    SoftmaxSums sums = Nothing(i, head, heads);
    sums.Add(Selected(i).empty()
                 ? input_.latents.Rows(first, count, rows)
                 : input_.latents.Rows(std::span(Selected(i)).subspan(first, count), rows));
    return sums;
  }

  void Finish(const SoftmaxSums& sums, size_t i, size_t head, size_t heads) const {
    const size_t rank = c_.kv_lora_rank;
    sums.Finish({sums_.row(i) + head * rank, heads, rank, rank});
  }

  size_t Parts(size_t i) const { return (Positions(i) + kPositionsAtOnce - 1) / kPositionsAtOnce; }

  // sum_u p[u] c[u] for all heads of a row, on this thread.
  void SumRow(size_t i) const {
    SoftmaxSums sums = Nothing(i, 0, c_.num_attention_heads);
    for (size_t part = 0; part < Parts(i); ++part) {
      sums.Merge(SumPart(i, part, 0, c_.num_attention_heads));
    }
    Finish(sums, i, 0, c_.num_attention_heads);
  }

  // The same on all threads, in at least `tasks` tasks where that is worth it.
  void SumRowTogether(size_t i, size_t tasks) const {
    const size_t parts = Parts(i), all = c_.num_attention_heads;
    const size_t groups =
        std::clamp<size_t>((tasks + parts - 1) / parts, 1, std::max<size_t>(all / kLeastHeads, 1));
    const auto first_head = [&](size_t group) { return all * group / groups; };
    std::vector<std::optional<SoftmaxSums>> sums(parts * groups);
    pass_.pool.Run(sums.size(), [&](size_t task, size_t) {
      const size_t head = first_head(task % groups);
      sums[task].emplace(SumPart(i, task / groups, head, first_head(task % groups + 1) - head));
    });
    pass_.pool.Run(groups, [&](size_t group, size_t) {
      const size_t head = first_head(group), heads = first_head(group + 1) - head;
      SoftmaxSums whole = Nothing(i, head, heads);
      for (size_t part = 0; part < parts; ++part) whole.Merge(*sums[part * groups + group]);
      Finish(whole, i, head, heads);
    });
  }

  void ApplyValues(size_t head, Matrix heads) {
    const ConstMatrix sums = sums_.view().Cols(head * c_.kv_lora_rank, c_.kv_lora_rank);
    const Weight values =
        RowsOf(input_.kv_b_proj, FirstWeightRow(head) + c_.qk_nope_head_dim, c_.v_head_dim);
    const Matrix to = heads.Rows(Row(0), count_).Cols(head * c_.v_head_dim, c_.v_head_dim);
    kernels::DotRows(sums, TypeOutsideLinears(pass_), values, to);
  }

  const Pass& pass_;
  const AttentionInput& input_;
  const Config& c_;
  size_t first_, count_;
  size_t width_;  // R + Dr
  float scale_;
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
