// Timing that can be trusted on a noisy machine: several runs, the median and the extremes.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace glimmer::apps {

struct Spread {
  double low = 0, median = 0, high = 0;
};

// Seconds of run(), after one run that is not counted.
template <typename Run>
Spread MeasureSeconds(size_t runs, Run run) {
  std::vector<double> seconds;
  for (size_t i = 0; i <= runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const auto end = std::chrono::steady_clock::now();
    if (i > 0) seconds.push_back(std::chrono::duration<double>(end - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return {seconds.front(), seconds[seconds.size() / 2], seconds.back()};
}

}  // namespace glimmer::apps
