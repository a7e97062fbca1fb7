// How far packed weights are from the original, and the size of that.
#pragma once

#include <cmath>
#include <optional>

namespace glimmer::tensor {

struct PackError {
  double squared_error = 0;    // sum (w - dequantized)^2
  double squared_weights = 0;  // sum w^2

  bool operator==(const PackError&) const = default;
  PackError& operator+=(const PackError& other) {
    squared_error += other.squared_error;
    squared_weights += other.squared_weights;
    return *this;
  }
  // sqrt(error / weights); 0 without weights.
  double relative_rms() const {
    return squared_weights == 0 ? 0 : std::sqrt(squared_error / squared_weights);
  }
  // Signal to noise, 10 log10(weights / error); nothing where either is 0.
  std::optional<double> snr_db() const {
    if (squared_weights == 0 || squared_error == 0) return std::nullopt;
    return 10 * std::log10(squared_weights / squared_error);
  }
};

}  // namespace glimmer::tensor
