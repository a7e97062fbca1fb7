// The plain loops that define the formats of cached rows.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/ref/elementwise.h"
#include "tensor/bf16.h"
#include "tensor/fp8.h"

namespace glimmer::kernels::scalar {
namespace {

constexpr float kSmallestAmax = 0x1p-60f;

float KeyScale(const float* values, size_t count) {
  float amax = kSmallestAmax;
  for (size_t i = 0; i < count; ++i) amax = std::max(amax, std::abs(values[i]));
  if (!std::isfinite(amax)) return 1;
  int exponent = 0;
  const float mantissa = std::frexp(amax / tensor::kE4m3Max, &exponent);  // in [0.5, 1)
  return std::ldexp(1.0f, mantissa == 0.5f ? exponent - 1 : exponent);
}

template <typename Element, typename Encode>
void StoreEach(const float* from, size_t count, uint8_t* to, Encode encode) {
  for (size_t i = 0; i < count; ++i) {
    const Element element = encode(from[i]);
    std::memcpy(to + i * sizeof(Element), &element, sizeof(Element));
  }
}

template <typename Element, typename Decode>
void LoadEach(const uint8_t* from, size_t count, float* to, Decode decode) {
  for (size_t i = 0; i < count; ++i) {
    Element element;
    std::memcpy(&element, from + i * sizeof(Element), sizeof(Element));
    to[i] = decode(element);
  }
}

}  // namespace

void StoreRow(CacheFormat format, const float* from, size_t count, uint8_t* to) {
  switch (format) {
    case CacheFormat::kF32:
      std::memcpy(to, from, count * sizeof(float));
      return;
    case CacheFormat::kBf16:
      return StoreEach<tensor::Bf16>(from, count, to, tensor::F32ToBf16);
    case CacheFormat::kE4m3:
      return StoreEach<tensor::E4m3>(from, count, to, tensor::F32ToE4m3Saturating);
    case CacheFormat::kScaledE4m3: {
      const float scale = KeyScale(from, count);
      StoreEach<tensor::E4m3>(from, count, to,
                              [&](float x) { return tensor::F32ToE4m3Saturating(x / scale); });
      std::memcpy(to + count, &scale, sizeof scale);
    }
  }
}

void LoadRow(CacheFormat format, const uint8_t* from, size_t count, float* to) {
  switch (format) {
    case CacheFormat::kF32:
      std::memcpy(to, from, count * sizeof(float));
      return;
    case CacheFormat::kBf16:
      return LoadEach<tensor::Bf16>(from, count, to, tensor::Bf16ToF32);
    case CacheFormat::kE4m3:
      return LoadEach<tensor::E4m3>(from, count, to, tensor::E4m3ToF32);
    case CacheFormat::kScaledE4m3: {
      float scale = 0;
      std::memcpy(&scale, from + count, sizeof scale);
      LoadEach<tensor::E4m3>(from, count, to,
                             [&](tensor::E4m3 code) { return tensor::E4m3ToF32(code) * scale; });
    }
  }
}

}  // namespace glimmer::kernels::scalar
