#include "apps/bench_ceilings.h"

#include <algorithm>
#include <atomic>

#include "apps/measure.h"
#include "base/parallel.h"

namespace glimmer::apps {
namespace {

using kernels::PeakKind;

// Far more than the caches hold.
constexpr size_t kReadBytes = size_t{512} << 20;
constexpr size_t kPeakMillions = 1000;

// Seconds of job(thread) on `threads` threads at once.
template <typename Job>
double SecondsOnAll(size_t threads, Job job) {
  return SecondsOf([&] {
    const base::Status done = base::RunJobs(threads, threads, [&](size_t index, size_t) {
      job(index);
      return base::Status();
    });
    static_cast<void>(done);  // no job fails
  });
}

}  // namespace

double MeasurePeak(PeakKind kind, size_t threads) {
  std::vector<double> operations(threads);
  const double seconds = SecondsOnAll(
      threads, [&](size_t thread) { operations[thread] = kernels::RunPeak(kind, kPeakMillions); });
  return operations[0] * static_cast<double>(threads) / seconds / 1e9;
}

PeakKind PeakFor(model::Activations activations) {
  switch (activations) {
    case model::Activations::kF32:
      return PeakKind::kF32;
    case model::Activations::kBf16:
      return PeakKind::kBf16;
    case model::Activations::kInt8:
    case model::Activations::kNvfp4:  // E2M1 doubled is a whole number
      break;
  }
  return PeakKind::kInt8;
}

const char* PeakName(PeakKind kind) {
  switch (kind) {
    case PeakKind::kF32:
      return "F32";
    case PeakKind::kBf16:
      return "BF16";
    case PeakKind::kInt8:
      break;
  }
  return "INT8";
}

CeilingMeter::CeilingMeter(const std::vector<size_t>& thread_counts)
    : words_(kReadBytes / sizeof(uint64_t), 1) {
  for (const size_t threads : thread_counts) best_[threads];
}

void CeilingMeter::Measure() {
  ++times_;
  Ceilings of_fewer;
  for (auto& [threads, best] : best_) {
    best.read = std::max({best.read, of_fewer.read, MeasureRead(threads)});
    for (const PeakKind kind : kPeaks) {
      double& peak = best.peaks[static_cast<size_t>(kind)];
      peak = std::max({peak, of_fewer.peak(kind), MeasurePeak(kind, threads)});
    }
    of_fewer = best;
  }
  last_ = std::chrono::steady_clock::now();
}

void CeilingMeter::MeasureIfDue() {
  constexpr std::chrono::seconds kPause(2);
  if (times_ == 0 || std::chrono::steady_clock::now() - last_ >= kPause) Measure();
}

double CeilingMeter::MeasureRead(size_t threads) const {
  std::atomic<uint64_t> sink{0};  // keeps the results alive
  const size_t part = words_.size() / threads;
  const double seconds = SecondsOnAll(threads, [&](size_t thread) {
    sink += kernels::ReadOnce(std::span(words_).subspan(thread * part, part));
  });
  return static_cast<double>(part * threads * sizeof(uint64_t)) / seconds / 1e9;
}

}  // namespace glimmer::apps
