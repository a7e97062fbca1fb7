// Means with their uncertainty, as llama.cpp's perplexity tool prints them ("±"): the standard
// error of the mean, treating positions as independent. Source: docs/evaluation.md#uncertainty;
// tools/perplexity/perplexity.cpp, mean_and_uncertainty.
#pragma once

#include <cstddef>

namespace glimmer::eval {

struct Measured {
  double value = 0;
  double standard_error = 0;
};

// Mean of x, and sqrt((mean of x^2 - mean^2) / (n - 1)); Welford's update, which does not cancel.
class MeanEstimate {
 public:
  void Add(double x);
  size_t count() const { return count_; }
  // The error of fewer than two values is 0. Both are 0 without any.
  Measured Get() const;

 private:
  size_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;  // sum of (x - mean)^2
};

// e to the value, its error to first order: perplexity from the mean negative log-likelihood, a
// ratio of perplexities from a difference of means.
Measured ExpOf(const Measured& exponent);
// successes / trials, and sqrt(p (1 - p) / (trials - 1)). REQUIRES: trials > 0.
Measured ShareOf(size_t successes, size_t trials);

}  // namespace glimmer::eval
