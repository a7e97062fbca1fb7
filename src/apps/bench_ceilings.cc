#include "apps/bench_ceilings.h"

#include <algorithm>
#include <atomic>
#include <memory>

#include "apps/measure.h"
#include "base/processors.h"

namespace glimmer::apps {
namespace {

using kernels::PeakKind;

// Far more than the caches hold, those of many sockets too.
constexpr size_t kLeastReadBytes = size_t{512} << 20;
constexpr size_t kReadBytesOfThread = size_t{32} << 20;
constexpr size_t kPeakMillions = 1000;
// Long enough that beginning and ending a loop on all threads do not count.
constexpr double kLeastSeconds = 0.02;

// More threads than processors have no caches of their own.
size_t ReadBytes(size_t threads) {
  return std::max(kLeastReadBytes,
                  std::min(threads, base::UsableProcessors()) * kReadBytesOfThread);
}

// What run() returns, a second, of as many runs as that takes.
template <typename Run>
double RateOf(Run run) {
  double amount = 0, seconds = 0;
  while (seconds < kLeastSeconds) seconds += SecondsOf([&] { amount += run(); });
  return amount / seconds;
}

}  // namespace

double MeasurePeak(PeakKind kind, base::ThreadPool& pool, size_t threads) {
  std::vector<double> operations(threads);
  const auto run = [&] {
    pool.Run(threads,
             [&](size_t i, size_t) { operations[i] = kernels::RunPeak(kind, kPeakMillions); });
    return operations[0] * static_cast<double>(threads);
  };
  return RateOf(run) / 1e9;
}

PeakKind PeakFor(model::Activations activations) {
  switch (activations) {
    case model::Activations::kF32:
    case model::Activations::kNvfp4:  // of many rows
      return PeakKind::kF32;
    case model::Activations::kBf16:
      return PeakKind::kBf16;
    case model::Activations::kInt8:
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

CeilingMeter::CeilingMeter(base::ThreadPool& pool, const std::vector<size_t>& thread_counts)
    : pool_(pool),
      words_(ReadBytes(pool.threads()) / sizeof(uint64_t)),
      bytes_(base::AllocateHugeBytes(words_ * sizeof(uint64_t))) {
  for (const size_t threads : thread_counts) best_[threads];
  // Each thread fills its part, which is then near to it.
  pool_.Run(pool_.threads(), [&](size_t part, size_t) {
    const std::span<uint64_t> words = Part(part, pool_.threads());
    std::uninitialized_fill(words.begin(), words.end(), 1);
  });
}

void CeilingMeter::Measure() {
  ++times_;
  Ceilings of_fewer;
  for (auto& [threads, best] : best_) {
    best.read = std::max({best.read, of_fewer.read, MeasureRead(threads)});
    for (const PeakKind kind : kPeaks) {
      double& peak = best.peaks[static_cast<size_t>(kind)];
      peak = std::max({peak, of_fewer.peak(kind), MeasurePeak(kind, pool_, threads)});
    }
    of_fewer = best;
  }
  last_ = std::chrono::steady_clock::now();
}

void CeilingMeter::MeasureIfDue() {
  constexpr std::chrono::seconds kPause(2);
  if (times_ == 0 || std::chrono::steady_clock::now() - last_ >= kPause) Measure();
}

std::span<uint64_t> CeilingMeter::Part(size_t part, size_t parts) const {
  const size_t first = words_ * part / parts, last = words_ * (part + 1) / parts;
  return {reinterpret_cast<uint64_t*>(bytes_.get()) + first, last - first};
}

double CeilingMeter::MeasureRead(size_t threads) const {
  std::atomic<uint64_t> sink{0};  // keeps the results alive
  const auto run = [&] {
    pool_.Run(threads, [&](size_t i, size_t) { sink += kernels::ReadOnce(Part(i, threads)); });
    return static_cast<double>(words_ * sizeof(uint64_t));
  };
  return RateOf(run) / 1e9;
}

}  // namespace glimmer::apps
