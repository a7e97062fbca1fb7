// What this machine can do, measured in the same run as what it is compared with: the ceilings of
// memory and arithmetic. On a machine that others use too they vary as much as the speeds do, so
// they are measured again and again in between, and the best counts.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <span>
#include <vector>

#include "base/huge_pages.h"
#include "base/thread_pool.h"
#include "kernels/peak.h"
#include "model/settings.h"

namespace glimmer::apps {

constexpr kernels::PeakKind kPeaks[] = {kernels::PeakKind::kF32, kernels::PeakKind::kBf16,
                                        kernels::PeakKind::kInt8};

// GFLOP/s (for kInt8 Gop/s) of `threads` threads of the pool at once, some tens of milliseconds.
// REQUIRES: threads <= pool.threads().
double MeasurePeak(kernels::PeakKind kind, base::ThreadPool& pool, size_t threads);

struct Ceilings {
  double read = 0;                                // GB/s
  std::array<double, std::size(kPeaks)> peaks{};  // GFLOP/s, as kPeaks

  double peak(kernels::PeakKind kind) const { return peaks[static_cast<size_t>(kind)]; }
};

// The peak of the instructions that products with these activations can use.
kernels::PeakKind PeakFor(model::Activations activations);
// "F32", "BF16", "INT8".
const char* PeakName(kernels::PeakKind kind);

class CeilingMeter {
 public:
  // Takes half a GB of memory, with many threads 32 MB for each. The pool must outlive it.
  // REQUIRES: no count is more than the pool's.
  CeilingMeter(base::ThreadPool& pool, const std::vector<size_t>& thread_counts);

  // Measures everything once more, some tenths of a second.
  void Measure();
  // The same if the last time was two seconds ago or more, so that short jobs are not outweighed.
  void MeasureIfDue();
  size_t times() const { return times_; }
  // By number of threads: the best so far. What fewer threads reach, more could reach too.
  const std::map<size_t, Ceilings>& best() const { return best_; }

 private:
  double MeasureRead(size_t threads) const;
  std::span<uint64_t> Part(size_t part, size_t parts) const;

  base::ThreadPool& pool_;
  size_t words_;
  base::HugeBytes bytes_;  // of the words
  std::map<size_t, Ceilings> best_;
  size_t times_ = 0;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace glimmer::apps
