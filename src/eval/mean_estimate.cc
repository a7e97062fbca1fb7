#include "eval/mean_estimate.h"

#include <cmath>

#include "base/check.h"

namespace glimmer::eval {

void MeanEstimate::Add(double x) {
  ++count_;
  const double before = x - mean_;
  mean_ += before / static_cast<double>(count_);
  squares_ += before * (x - mean_);
}

Measured MeanEstimate::Get() const {
  if (count_ < 2) return {mean_, 0};
  const auto n = static_cast<double>(count_);
  return {mean_, std::sqrt(squares_ / n / (n - 1))};
}

Measured ExpOf(const Measured& exponent) {
  const double value = std::exp(exponent.value);
  return {value, value * exponent.standard_error};
}

Measured ShareOf(size_t successes, size_t trials) {
  GLIMMER_CHECK(trials > 0);
  const double share = static_cast<double>(successes) / static_cast<double>(trials);
  if (trials < 2) return {share, 0};
  return {share, std::sqrt(share * (1 - share) / static_cast<double>(trials - 1))};
}

}  // namespace glimmer::eval
