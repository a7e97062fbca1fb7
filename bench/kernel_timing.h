// What the benchmarks of kernels share: random matrices, the comparison with the definition, and
// timing against the F32 peak of the same moments.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <random>

#include "kernels/peak.h"
#include "tensor/matrix.h"

namespace glimmer::kernels {

inline tensor::OwnedMatrix Random(size_t rows, size_t cols) {
  static std::mt19937 random(1);
  std::normal_distribution<float> normal;
  tensor::OwnedMatrix matrix(rows, cols);
  for (float& x : matrix.elements()) x = normal(random);
  return matrix;
}

// Largest difference, relative to the largest value.
inline double Distance(const tensor::OwnedMatrix& a, const tensor::OwnedMatrix& b) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < a.elements().size(); ++i) {
    difference = std::max(difference, std::abs(double{a.elements()[i]} - b.elements()[i]));
    size = std::max(size, std::abs(double{b.elements()[i]}));
  }
  return difference / size;
}
constexpr double kTolerance = 1e-4;  // the tests have the derived ones

// Processor time of this thread: other work on the machine counts less.
inline double Seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Times `body`, which does so many operations, call by call between measurements of the peak, and
// compares the best of both: what else runs on the machine can only make either slower.
template <class Body>
void Time(benchmark::State& state, double operations, Body body) {
  double best = 0, peak = 0;
  const auto measure = [](double& fastest, auto work) {
    const double start = Seconds();
    const double done = work();
    fastest = std::max(fastest, done / (Seconds() - start));
  };
  for (int i = 0; i < 20; ++i) measure(peak, [] { return RunPeak(PeakKind::kF32, 5); });
  for (auto _ : state) {
    measure(best, [&] {
      body();
      return operations;
    });
  }
  for (int i = 0; i < 20; ++i) measure(peak, [] { return RunPeak(PeakKind::kF32, 5); });
  state.counters["peak"] = best / peak;
  state.counters["best_us"] = operations / best * 1e6;
}

}  // namespace glimmer::kernels
