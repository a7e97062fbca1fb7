// A byte for each code point, laid out from a list of runs. Internal to src/unicode.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "unicode/properties.h"

namespace glimmer::unicode {

// Up to the next run.
struct ByteRun {
  uint32_t first;
  uint8_t value;
};

using ByteTable = std::array<uint8_t, kCodePoints>;

inline std::unique_ptr<ByteTable> LaidOut(std::span<const ByteRun> runs) {
  auto table = std::make_unique<ByteTable>();
  for (size_t i = 0; i < runs.size(); ++i) {
    const uint32_t end = i + 1 < runs.size() ? runs[i + 1].first : kCodePoints;
    std::fill(table->begin() + runs[i].first, table->begin() + end, runs[i].value);
  }
  return table;
}

}  // namespace glimmer::unicode
