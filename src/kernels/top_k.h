// The k largest of a row of scores. Among equal scores the lower index wins, so that the answer
// does not depend on the machine; NaN counts as minus infinity, -0 as 0.
// Linear time, and no memory but the answer and 8 KB: the scores are counted by their highest bits,
// then those around the k-th largest by the next bits, until it is known;
// docs/kernels/attention.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/isa.h"

namespace glimmer::kernels {

// Indices of the min(k, scores.size()) largest scores, ascending.
std::vector<uint32_t> TopK(std::span<const float> scores, size_t k);

// On a given instruction set, for tests and benchmarks. REQUIRES: it is available.
std::vector<uint32_t> TopKOn(Isa isa, std::span<const float> scores, size_t k);

}  // namespace glimmer::kernels
