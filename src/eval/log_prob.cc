#include "eval/log_prob.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "base/exponential.h"

namespace glimmer::eval {
namespace {

using base::ExpOfNonPositive;
using text::TokenId;

// Partial sums that do not wait for each other, so that the loops vectorise without reordering.
constexpr size_t kLanes = 8;
using Lanes = std::array<double, kLanes>;

// The sum of term(i) over every i below `count`.
template <typename Term>
double SumInLanes(size_t count, const Term& term) {
  Lanes sums{};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] += term(i + lane);
  }
  for (size_t lane = 0; i < count; ++i, ++lane) sums[lane] += term(i);
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

float MaxOf(std::span<const float> logits) {
  std::array<float, 2 * kLanes> largest;
  largest.fill(logits[0]);
  size_t i = 0;
  for (; i + largest.size() <= logits.size(); i += largest.size()) {
    for (size_t lane = 0; lane < largest.size(); ++lane) {
      largest[lane] = std::max(largest[lane], logits[i + lane]);
    }
  }
  for (; i < logits.size(); ++i) largest[0] = std::max(largest[0], logits[i]);
  return *std::max_element(largest.begin(), largest.end());
}

bool AllFinite(std::span<const float> logits) {
  int others = 0;
  for (const float x : logits) others |= !(std::abs(x) <= std::numeric_limits<float>::max());
  return others == 0;
}

}  // namespace

base::Result<RowSummary> Summarise(std::span<const float> logits, size_t row) {
  GLIMMER_CHECK(!logits.empty());
  if (!AllFinite(logits)) {
    const auto bad =
        std::find_if_not(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); });
    return base::Corrupt(
        fmt::format("the logits are not finite: {} at token id {} of position "
                    "{}",
                    *bad, bad - logits.begin(), row));
  }
  RowSummary summary;
  summary.max = MaxOf(logits);
  const auto top = std::find(logits.begin(), logits.end(), summary.max);
  summary.top = static_cast<TokenId>(top - logits.begin());
  const double max = summary.max;
  summary.log_sum = std::log(
      SumInLanes(logits.size(), [&](size_t i) { return ExpOfNonPositive(logits[i] - max); }));
  return summary;
}

double LogProb(std::span<const float> logits, const RowSummary& summary, TokenId id) {
  const auto at = static_cast<size_t>(id);
  GLIMMER_CHECK(at < logits.size());
  return (static_cast<double>(logits[at]) - summary.max) - summary.log_sum;
}

double KlDivergence(std::span<const float> base, const RowSummary& base_summary,
                    std::span<const float> model, const RowSummary& model_summary) {
  GLIMMER_CHECK(base.size() == model.size());
  const double base_max = base_summary.max, model_max = model_summary.max;
  // The sums' logarithms are the same for every token and come last.
  const double sum = SumInLanes(base.size(), [&](size_t i) {
    const double base_logit = base[i] - base_max, model_logit = model[i] - model_max;
    return ExpOfNonPositive(base_logit) * (base_logit - model_logit);
  });
  const double divergence =
      sum / std::exp(base_summary.log_sum) - (base_summary.log_sum - model_summary.log_sum);
  return std::max(divergence, 0.0);
}

}  // namespace glimmer::eval
