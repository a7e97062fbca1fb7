#include "model/operator_clock.h"

#include <algorithm>
#include <utility>

#include "tensor/nvfp4.h"

namespace glimmer::model {
namespace {

// Sum of min(limit, p + 1) over the positions p of the span.
double PositionsRead(const Span& span, uint64_t limit) {
  double sum = 0;
  for (size_t i = 0; i < span.count; ++i) {
    sum += static_cast<double>(std::min<uint64_t>(limit, span.first_position + i + 1));
  }
  return sum;
}

double Operations(const Weight& weight, size_t rows) {
  return 2 * static_cast<double>(rows) * static_cast<double>(weight.rows * weight.cols);
}

}  // namespace

std::string_view OperatorName(Operator which) {
  switch (which) {
    case Operator::kRest:
      return "the rest";
    case Operator::kEmbedding:
      return "embedding";
    case Operator::kNorms:
      return "norms";
    case Operator::kMlaProjections:
      return "MLA projections";
    case Operator::kAbsorbing:
      return "W_UK, W_UV absorbed";
    case Operator::kAttention:
      return "attention";
    case Operator::kIndexerProjections:
      return "indexer projections";
    case Operator::kIndexerScores:
      return "indexer scores";
    case Operator::kIndexerTopK:
      return "indexer top-k";
    case Operator::kRouter:
      return "router";
    case Operator::kRoutedExperts:
      return "routed experts";
    case Operator::kSharedExpert:
      return "shared expert";
    case Operator::kDenseMlp:
      return "dense MLP";
    case Operator::kLmHead:
      return "lm_head";
    case Operator::kSampling:
      break;
  }
  return "sampling";
}

OperatorTotals& OperatorTotals::operator+=(const OperatorTotals& other) {
  seconds += other.seconds;
  weight_bytes += other.weight_bytes;
  cache_bytes += other.cache_bytes;
  operations += other.operations;
  return *this;
}

void OperatorClock::Start() {
  running_ = Operator::kRest;
  since_ = Clock::now();
}

void OperatorClock::Stop() { Switch(Operator::kRest); }

Operator OperatorClock::Switch(Operator to) {
  const Clock::time_point now = Clock::now();
  totals_[static_cast<size_t>(running_)].seconds +=
      std::chrono::duration<double>(now - since_).count();
  since_ = now;
  return std::exchange(running_, to);
}

void OperatorClock::Count(uint64_t weight_bytes, uint64_t cache_bytes, double operations) {
  totals_[static_cast<size_t>(running_)] += {0, weight_bytes, cache_bytes, operations};
}

OperatorTotals OperatorClock::Sum() const {
  OperatorTotals sum;
  for (const OperatorTotals& totals : totals_) sum += totals;
  return sum;
}

uint64_t StoredBytes(const Weight& weight) {
  const uint64_t elements = uint64_t{weight.rows} * weight.cols;
  switch (weight.format) {
    case kernels::Format::kF32:
      return 4 * elements;
    case kernels::Format::kBf16:
      return 2 * elements;
    case kernels::Format::kE4m3:
      return elements + 4 * weight.rows;
    case kernels::Format::kNvfp4:
      break;
  }
  return elements / 2 + elements / tensor::kNvfp4Block;
}

void CountProduct(const Pass& pass, const Weight& weight, size_t rows) {
  if (pass.clock != nullptr) pass.clock->Count(StoredBytes(weight), 0, Operations(weight, rows));
}

void CountLookups(OperatorClock* clock, const Weight& weight, size_t rows) {
  if (clock != nullptr) clock->Count(StoredBytes(weight) / weight.rows * rows, 0, 0);
}

void CountKvB(const Pass& pass, const Span& span, const Weight& kv_b_proj, size_t rows) {
  if (pass.clock == nullptr) return;
  const uint64_t bytes = span.first_row == 0 ? StoredBytes(kv_b_proj) : 0;
  pass.clock->Count(bytes, 0, Operations(kv_b_proj, rows));
}

void CountAttention(const Pass& pass, const Span& span, const RowStore& latents,
                    AttentionForm form) {
  if (pass.clock == nullptr) return;
  const Config& c = pass.model.config;
  const uint64_t positions = span.first_position + span.count;
  const double pairs = PositionsRead(span, c.index_topk);  // of a row and a position that it reads
  uint64_t width = c.kv_lora_rank + c.qk_rope_head_dim + c.kv_lora_rank;
  auto rows_read = static_cast<uint64_t>(std::min(pairs, static_cast<double>(positions)));
  if (form == AttentionForm::kExpanded) {
    width = c.qk_head_dim() + c.v_head_dim;
    rows_read = positions;
  }
  pass.clock->Count(0, rows_read * latents.row_bytes(),
                    2 * pairs * static_cast<double>(c.num_attention_heads * width));
}

void CountIndexerScores(const Pass& pass, const Span& span, const RowStore& keys) {
  const Config& c = pass.model.config;
  const uint64_t positions = span.first_position + span.count;
  if (pass.clock == nullptr || positions <= c.index_topk) return;
  Span scored = span;
  if (scored.first_position < c.index_topk) {
    scored.count -= c.index_topk - scored.first_position;
    scored.first_position = c.index_topk;
  }
  // A product for each head and dimension, and one to sum the heads up.
  const double pairs = PositionsRead(scored, positions);
  pass.clock->Count(0, positions * keys.row_bytes(),
                    2 * pairs * static_cast<double>(c.index_n_heads * (c.index_head_dim + 1)));
}

}  // namespace glimmer::model
