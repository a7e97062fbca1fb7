#include "calib/input_stats.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace glimmer::calib {
namespace {

constexpr int kMantissaBits = 23;
constexpr int kExponentBias = 127;
constexpr uint32_t kMagnitudeMask = 0x7FFFFFFF;
constexpr uint32_t kInfinityBits = 0x7F800000;
// The two highest bits of the mantissa divide an octave into four.
constexpr int kBinShift = kMantissaBits - 2;
constexpr int kFirstBin = (kExponentBias + kLowestOctave) * kBinsPerOctave;

}  // namespace

size_t HistogramBin(float magnitude) {
  const auto bin =
      static_cast<int>((std::bit_cast<uint32_t>(magnitude) & kMagnitudeMask) >> kBinShift) -
      kFirstBin;
  return static_cast<size_t>(std::clamp(bin, 0, static_cast<int>(kHistogramBins) - 1));
}

bool GroupStats::Add(std::span<const float> row) {
  uint32_t largest = 0;
  for (const float value : row) {
    largest = std::max(largest, std::bit_cast<uint32_t>(value) & kMagnitudeMask);
    ++histogram[HistogramBin(value)];
  }
  ++tokens;
  amax = std::max(amax, std::bit_cast<float>(std::min(largest, kInfinityBits)));
  return largest < kInfinityBits;
}

void GroupStats::Merge(const GroupStats& other) {
  amax = std::max(amax, other.amax);
  tokens += other.tokens;
  routing_weight += other.routing_weight;
  for (size_t bin = 0; bin < kHistogramBins; ++bin) histogram[bin] += other.histogram[bin];
}

}  // namespace glimmer::calib
