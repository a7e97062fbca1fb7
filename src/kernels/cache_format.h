// How a row of a cache is stored; cache_rows.h says what each format rounds to.
#pragma once

#include <cstdint>

namespace glimmer::kernels {

enum class CacheFormat : uint8_t {
  kF32,
  kBf16,
  kE4m3,        // one byte a value, scale 1
  kScaledE4m3,  // the same with an F32 scale for each row, a power of two, behind the values
};

}  // namespace glimmer::kernels
