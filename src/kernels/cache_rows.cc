#include "kernels/cache_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tensor/bf16.h"
#include "tensor/fp8.h"

namespace glimmer::kernels {
namespace {

constexpr float kSmallestAmax = 0x1p-60f;

float KeyScale(std::span<const float> values) {
  float amax = kSmallestAmax;
  for (const float x : values) amax = std::max(amax, std::abs(x));
  if (!std::isfinite(amax)) return 1;
  int exponent = 0;
  const float mantissa = std::frexp(amax / tensor::kE4m3Max, &exponent);  // in [0.5, 1)
  return std::ldexp(1.0f, mantissa == 0.5f ? exponent - 1 : exponent);
}

template <typename Element, typename Encode>
void StoreEach(std::span<const float> values, std::byte* to, Encode encode) {
  for (size_t i = 0; i < values.size(); ++i) {
    const Element element = encode(values[i]);
    std::memcpy(to + i * sizeof(Element), &element, sizeof(Element));
  }
}

template <typename Element, typename Decode>
void LoadEach(const std::byte* from, std::span<float> values, Decode decode) {
  for (size_t i = 0; i < values.size(); ++i) {
    Element element;
    std::memcpy(&element, from + i * sizeof(Element), sizeof(Element));
    values[i] = decode(element);
  }
}

}  // namespace

size_t CacheRowBytes(CacheFormat format, size_t cols) {
  switch (format) {
    case CacheFormat::kF32:
      return cols * sizeof(float);
    case CacheFormat::kBf16:
      return cols * sizeof(tensor::Bf16);
    case CacheFormat::kE4m3:
      return cols;
    case CacheFormat::kScaledE4m3:
      return cols + sizeof(float);
  }
  return 0;
}

void StoreCacheRow(CacheFormat format, std::span<const float> values, std::byte* to) {
  switch (format) {
    case CacheFormat::kF32:
      std::memcpy(to, values.data(), values.size_bytes());
      return;
    case CacheFormat::kBf16:
      return StoreEach<tensor::Bf16>(values, to, tensor::F32ToBf16);
    case CacheFormat::kE4m3:
      return StoreEach<tensor::E4m3>(values, to, tensor::F32ToE4m3Saturating);
    case CacheFormat::kScaledE4m3: {
      const float scale = KeyScale(values);
      StoreEach<tensor::E4m3>(values, to,
                              [&](float x) { return tensor::F32ToE4m3Saturating(x / scale); });
      std::memcpy(to + values.size(), &scale, sizeof scale);
    }
  }
}

void LoadCacheRow(CacheFormat format, const std::byte* from, std::span<float> values) {
  switch (format) {
    case CacheFormat::kF32:
      std::memcpy(values.data(), from, values.size_bytes());
      return;
    case CacheFormat::kBf16:
      return LoadEach<tensor::Bf16>(from, values, tensor::Bf16ToF32);
    case CacheFormat::kE4m3:
      return LoadEach<tensor::E4m3>(from, values, tensor::E4m3ToF32);
    case CacheFormat::kScaledE4m3: {
      float scale = 0;
      std::memcpy(&scale, from + values.size(), sizeof scale);
      LoadEach<tensor::E4m3>(from, values,
                             [&](tensor::E4m3 code) { return tensor::E4m3ToF32(code) * scale; });
    }
  }
}

}  // namespace glimmer::kernels
