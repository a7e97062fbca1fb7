// Random bits by counter: a function of seed and index without state, so that an answer can be
// continued, rewound or recomputed anywhere with the same result.
// Source: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
#pragma once

#include <cstdint>

namespace glimmer::engine {

// Output number `index` (from 0) of SplitMix64 started at `seed`.
constexpr uint64_t SplitMix64(uint64_t seed, uint64_t index) {
  uint64_t z = seed + (index + 1) * 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

// 64 uniform bits. The seed is mixed first: streams of seeds that differ by a multiple of
// SplitMix64's increment would otherwise be one stream, shifted.
constexpr uint64_t RandomBits(uint64_t seed, uint64_t index) {
  return SplitMix64(SplitMix64(seed, 0), index);
}

}  // namespace glimmer::engine
