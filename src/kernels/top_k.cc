#include "kernels/top_k.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace glimmer::kernels {

std::vector<uint32_t> TopK(std::span<const float> scores, size_t k) {
  std::vector<uint32_t> chosen;
  if (k == 0) return chosen;
  if (k >= scores.size()) {
    chosen.resize(scores.size());
    std::iota(chosen.begin(), chosen.end(), 0u);
    return chosen;
  }
  std::vector<float> ordered(scores.begin(), scores.end());
  for (float& score : ordered) {
    if (std::isnan(score)) score = -std::numeric_limits<float>::infinity();
  }
  const std::vector<float> clean = ordered;
  const auto last = ordered.begin() + static_cast<ptrdiff_t>(k - 1);
  std::nth_element(ordered.begin(), last, ordered.end(), std::greater<>());
  const float threshold = *last;
  // Everything above the threshold belongs, and as many equal to it as there is room for.
  size_t equal = k - static_cast<size_t>(std::count_if(ordered.begin(), last,
                                                       [&](float s) { return s > threshold; }));
  chosen.reserve(k);
  for (size_t i = 0; i < clean.size(); ++i) {
    const bool takes_equal = clean[i] == threshold && equal > 0;
    if (clean[i] > threshold || takes_equal) chosen.push_back(static_cast<uint32_t>(i));
    if (takes_equal) --equal;
  }
  return chosen;
}

}  // namespace glimmer::kernels
