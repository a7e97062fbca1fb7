#include "eval/divergence.h"

#include <algorithm>

#include "base/check.h"
#include "eval/log_prob.h"

namespace glimmer::eval {

base::Status Divergence::Add(std::span<const float> base, std::span<const float> model,
                             text::TokenId next, size_t row) {
  auto of_base = Summarise(base, row);
  if (!of_base.ok()) return std::move(of_base).error().In("the base");
  GLIMMER_ASSIGN(const RowSummary of_model, Summarise(model, row));

  const double divergence = KlDivergence(base, of_base.value(), model, of_model);
  const double base_nll = -LogProb(base, of_base.value(), next);
  const double model_nll = -LogProb(model, of_model, next);
  divergences_.push_back(divergence);
  kl_.Add(divergence);
  base_nll_.Add(base_nll);
  model_nll_.Add(model_nll);
  nll_difference_.Add(model_nll - base_nll);

  const bool base_right = of_base.value().top == next, model_right = of_model.top == next;
  ++counts_.positions;
  counts_.different_top += of_base.value().top != of_model.top;
  counts_.base_right += base_right;
  counts_.model_right += model_right;
  counts_.right_to_wrong += base_right && !model_right;
  counts_.wrong_to_right += !base_right && model_right;
  return {};
}

DivergenceReport Divergence::Report() const {
  GLIMMER_CHECK(!divergences_.empty());
  std::vector<double> sorted = divergences_;
  std::sort(sorted.begin(), sorted.end());
  DivergenceReport report = counts_;
  report.kl_mean = kl_.Get();
  report.kl_median = Percentile(sorted, 0.5);
  report.kl_p99 = Percentile(sorted, 0.99);
  report.kl_max = sorted.back();
  report.same_top = ShareOf(report.positions - report.different_top, report.positions);
  report.flips = ShareOf(report.right_to_wrong + report.wrong_to_right, report.positions);
  report.base_nll = base_nll_.Get();
  report.model_nll = model_nll_.Get();
  report.nll_difference = nll_difference_.Get();
  return report;
}

double Percentile(std::span<const double> sorted, double fraction) {
  GLIMMER_CHECK(!sorted.empty() && fraction >= 0 && fraction <= 1);
  const double place = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = place - static_cast<double>(below);
  return (1 - part) * sorted[below] + part * sorted[above];
}

}  // namespace glimmer::eval
