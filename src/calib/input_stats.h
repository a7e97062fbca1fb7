// What calibration learns of the inputs of linears: for each input group (linears that read the
// same rows, model/inventory.h) the largest magnitude, a histogram of magnitudes, and how many
// tokens passed; for routed experts also their share of the routing weight.
// Source: docs/calibration.md.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/inventory.h"

namespace glimmer::calib {

// Bins of |x|: four for each power of two from 2^-16 to 2^16. The first takes everything below, the
// last everything above.
constexpr int kBinsPerOctave = 4;
constexpr int kLowestOctave = -16;
constexpr int kOctaves = 32;
constexpr size_t kHistogramBins = size_t{kBinsPerOctave} * kOctaves;
size_t HistogramBin(float magnitude);

struct GroupStats {
  float amax = 0;
  uint64_t tokens = 0;
  double routing_weight = 0;  // of an expert: sum of the weights it was given
  std::array<uint64_t, kHistogramBins> histogram{};

  // Counts a row in. Returns false when an element is not finite.
  bool Add(std::span<const float> row);
  void Merge(const GroupStats& other);
};

// By input group.
using InputStats = std::vector<GroupStats>;

}  // namespace glimmer::calib
