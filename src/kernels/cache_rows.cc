#include "kernels/cache_rows.h"

#include "kernels/dispatch.h"
#include "tensor/bf16.h"

namespace glimmer::kernels {

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
  ActiveTable().elementwise->store_row(format, values.data(), values.size(),
                                       reinterpret_cast<uint8_t*>(to));
}

void LoadCacheRow(CacheFormat format, const std::byte* from, std::span<float> values) {
  ActiveTable().elementwise->load_row(format, reinterpret_cast<const uint8_t*>(from), values.size(),
                                      values.data());
}

}  // namespace glimmer::kernels
