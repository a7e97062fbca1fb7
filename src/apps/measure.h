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

// REQUIRES: there are values. Of an even number the upper median.
inline Spread SpreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

// Seconds of one run().
template <typename Run>
double SecondsOf(Run run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Seconds of run(), after one run that is not counted.
template <typename Run>
Spread MeasureSeconds(size_t runs, Run run) {
  run();
  std::vector<double> seconds;
  for (size_t i = 0; i < runs; ++i) seconds.push_back(SecondsOf(run));
  return SpreadOf(std::move(seconds));
}

}  // namespace glimmer::apps
