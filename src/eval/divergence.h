// How far a model's predictions are from those of a base, position by position over the same text:
// KL divergence, agreement of the likeliest token, flips, and the two perplexities.
//
// A flip is a position where exactly one of the two predicts the text's next token as its
// likeliest: right to wrong or wrong to right. Both cancel in accuracy, which is why they are
// counted apart. Source: docs/evaluation.md#divergence; "Accuracy is Not All You Need" (2024) for
// flips; llama.cpp's perplexity tool for the rest.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/result.h"
#include "eval/mean_estimate.h"
#include "text/token.h"

namespace glimmer::eval {

struct DivergenceReport {
  size_t positions = 0;
  Measured kl_mean;  // nats
  // Between two positions linearly, as numpy's percentile and llama.cpp do.
  double kl_median = 0, kl_p99 = 0, kl_max = 0;
  Measured same_top;                       // share of positions with the same likeliest token
  size_t different_top = 0;                // the other positions
  size_t base_right = 0, model_right = 0;  // the likeliest token is the text's next
  size_t right_to_wrong = 0, wrong_to_right = 0;
  Measured flips;                // share of positions, both directions
  Measured base_nll, model_nll;  // means; ExpOf() them for perplexities
  // Mean of model - base, that is ln(PPL(model) / PPL(base)). The error of the mean of differences
  // is smaller than those of the two means: most of their spread is the text's and cancels.
  Measured nll_difference;
};

class Divergence {
 public:
  // One position: both rows [V] predict `next`; `row` is the position for errors.
  // Errors: kCorrupt for a logit that is not finite. REQUIRES: rows of one length; next < V.
  base::Status Add(std::span<const float> base, std::span<const float> model, text::TokenId next,
                   size_t row);
  // REQUIRES: at least one position was added.
  DivergenceReport Report() const;

 private:
  std::vector<double> divergences_;
  MeanEstimate kl_, base_nll_, model_nll_, nll_difference_;
  DivergenceReport counts_;
};

// The value below which `fraction` of the values lie, between two of them linearly.
// REQUIRES: `sorted` is ascending and not empty; 0 <= fraction <= 1.
double Percentile(std::span<const double> sorted, double fraction);

}  // namespace glimmer::eval
