// Where the time of a pass goes: seconds, bytes read and operations by operator.
//
//   OperatorClock clock;
//   clock.Start();
//   Forward(model, pool, continuations, nullptr, &clock);
//   clock.Stop();
//   clock.totals(Operator::kRouter).seconds
//
// Code of the pass names its operator where a function begins; one inside another has its time
// taken from the outer one's, so that no moment counts twice and none is lost:
//
//   const OperatorTimer timer(pass, Operator::kRouter);
//
// Work is counted where a kernel is called, with the Count functions below, and belongs to the
// operator that runs. Without a clock each of these costs one branch.
// Used by the thread that runs the pass alone: a loop's threads count as long as the loop takes.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/pass.h"

namespace glimmer::model {

enum class Operator : uint8_t {
  kRest,  // what has no timer of its own: residual sums, allocation
  kEmbedding,
  kNorms,           // of the residual stream
  kMlaProjections,  // q_a, q_b, kv_a and o, with their norms, rotation and storing
  kAbsorbing,       // W_UK into queries and W_UV into outputs
  kAttention,       // over the cache; expanding it, where heads are expanded
  kIndexerProjections,
  kIndexerScores,
  kIndexerTopK,
  kRouter,
  kRoutedExperts,
  kSharedExpert,
  kDenseMlp,
  kLmHead,
  kSampling,
};
constexpr size_t kOperators = static_cast<size_t>(Operator::kSampling) + 1;

// "routed experts".
std::string_view OperatorName(Operator which);

struct OperatorTotals {
  double seconds = 0;
  uint64_t weight_bytes = 0;  // of weights as stored, once for each pass that reads them
  uint64_t cache_bytes = 0;   // of rows of latents and index keys, each once for a pass
  double operations = 0;      // of the products' definitions, a multiply-add being two

  OperatorTotals& operator+=(const OperatorTotals& other);
};

class OperatorClock {
 public:
  // Time between the two counts. Start() begins with kRest.
  void Start();
  void Stop();

  // The operator that runs from now on; returns the one that ran.
  Operator Switch(Operator to);
  void Count(uint64_t weight_bytes, uint64_t cache_bytes, double operations);

  const OperatorTotals& totals(Operator which) const { return totals_[static_cast<size_t>(which)]; }
  OperatorTotals Sum() const;

 private:
  using Clock = std::chrono::steady_clock;

  std::array<OperatorTotals, kOperators> totals_;
  Operator running_ = Operator::kRest;
  Clock::time_point since_;
};

class OperatorTimer {
 public:
  // `clock` may be null.
  OperatorTimer(OperatorClock* clock, Operator which) : clock_(clock) {
    if (clock_ != nullptr) outer_ = clock_->Switch(which);
  }
  OperatorTimer(const Pass& pass, Operator which) : OperatorTimer(pass.clock, which) {}
  ~OperatorTimer() {
    if (clock_ != nullptr) clock_->Switch(outer_);
  }
  OperatorTimer(const OperatorTimer&) = delete;
  OperatorTimer& operator=(const OperatorTimer&) = delete;

 private:
  OperatorClock* clock_;
  Operator outer_ = Operator::kRest;
};

// Bytes that the weight takes as stored, scales included.
uint64_t StoredBytes(const Weight& weight);

// `rows` rows times the weight.
void CountProduct(const Pass& pass, const Weight& weight, size_t rows);
// `rows` rows of a matrix, read as they are.
void CountLookups(OperatorClock* clock, const Weight& weight, size_t rows);
// kv_b_proj, or its W_UK and W_UV, on `rows` rows of a span; the pass's first row reads it for all.
void CountKvB(const Pass& pass, const Span& span, const Weight& kv_b_proj, size_t rows);
// Scores and sums of the span's rows over the latents that they attend to, or over the keys and
// values that kv_b_proj made of all latents.
enum class AttentionForm : uint8_t { kAbsorbed, kExpanded };
void CountAttention(const Pass& pass, const Span& span, const RowStore& latents,
                    AttentionForm form);
// Scores of the span's rows that see more than index_topk positions.
void CountIndexerScores(const Pass& pass, const Span& span, const RowStore& keys);

}  // namespace glimmer::model
