// How much arithmetic this processor does when nothing holds it up: multiply-adds between
// registers. The ceiling that speeds are given as shares of.
#pragma once

#include <cstddef>

namespace glimmer::kernels {

enum class PeakKind {
  kF32,   // fused multiply-adds of F32
  kBf16,  // products of BF16 pairs with F32 sums, where the processor has instructions for them;
          // otherwise the same as kF32, since BF16 is then widened
};

// Runs about `millions` million multiply-adds on this thread and returns how many operations that
// were, a multiply-add being two.
double RunPeak(PeakKind kind, size_t millions);
// Whether kBf16 has instructions of its own here.
bool HasBf16Products();

}  // namespace glimmer::kernels
