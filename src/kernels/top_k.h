// The k largest of a row of scores. Among equal scores the lower index wins, so that the answer
// does not depend on the machine; NaN counts as minus infinity. Linear time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace glimmer::kernels {

// Indices of the min(k, scores.size()) largest scores, ascending.
std::vector<uint32_t> TopK(std::span<const float> scores, size_t k);

}  // namespace glimmer::kernels
