// Rows of a cache of latents or keys: F32 values stored in a narrower format and read back.
// Rounding is to nearest, ties to even; E4M3 saturates at 448. NaN stays NaN.
#pragma once

#include <cstddef>
#include <span>

#include "kernels/cache_format.h"

namespace glimmer::kernels {

// Some rows of a cache, one after the other or from here and there.
struct CachedRows {
  CacheFormat format;
  size_t cols;
  std::span<const std::byte* const> rows;
};

size_t CacheRowBytes(CacheFormat format, size_t cols);

// The scale of a kScaledE4m3 row is the smallest power of two with amax / scale <= 448, for an amax
// of at least 2^-60. Source: the FP8 index keys of DeepSeek-V3.2 and vLLM (ue8m0 scales).
// `to` and `from` hold CacheRowBytes(format, number of values) bytes, at any alignment.
void StoreCacheRow(CacheFormat format, std::span<const float> values, std::byte* to);
void LoadCacheRow(CacheFormat format, const std::byte* from, std::span<float> values);

}  // namespace glimmer::kernels
