// Speeds as shares of what the machine can do.
#pragma once

#include "apps/bench_ceilings.h"
#include "model/operator_clock.h"

namespace glimmer::apps {

// The ceiling that bounds some work: what takes longer at its best, the bytes or the operations.
struct Bound {
  enum class By { kNothing, kRead, kArithmetic };
  By by = By::kNothing;  // kNothing: neither bytes nor operations are counted
  double share = 0;      // of the time that the work took
};

inline double BytesOf(const model::OperatorTotals& totals) {
  return static_cast<double>(totals.weight_bytes + totals.cache_bytes);
}

inline double PerSecond(double amount, double seconds) {
  return seconds > 0 ? amount / seconds : 0;
}

inline Bound BoundOf(const model::OperatorTotals& totals, const Ceilings& ceilings,
                     kernels::PeakKind peak) {
  const double read = BytesOf(totals) / 1e9 / ceilings.read;                // seconds
  const double arithmetic = totals.operations / 1e9 / ceilings.peak(peak);  // seconds
  if (read == 0 && arithmetic == 0) return {};
  return read > arithmetic ? Bound{Bound::By::kRead, PerSecond(read, totals.seconds)}
                           : Bound{Bound::By::kArithmetic, PerSecond(arithmetic, totals.seconds)};
}

}  // namespace glimmer::apps
