#include "kernels/e4m3_values.h"

#include <array>

#include "tensor/bf16.h"
#include "tensor/fp4.h"
#include "tensor/fp8.h"

namespace glimmer::kernels {

const float* E4m3Values() {
  static const auto values = [] {
    std::array<float, 256> table;
    for (size_t code = 0; code < table.size(); ++code) {
      table[code] = tensor::E4m3ToF32(static_cast<tensor::E4m3>(code));
    }
    return table;
  }();
  return values.data();
}

const uint16_t* Nvfp4Products() {
  struct alignas(64) Table {
    std::array<tensor::Bf16, 256 * 16> products;
  };
  static const auto table = [] {
    Table t;
    for (size_t i = 0; i < t.products.size(); ++i) {
      const float scale = tensor::E4m3ToF32(static_cast<tensor::E4m3>(i / 16));
      t.products[i] = tensor::F32ToBf16(scale * tensor::E2m1ToF32(static_cast<uint8_t>(i % 16)));
    }
    return t;
  }();
  return table.products.data();
}

}  // namespace glimmer::kernels
