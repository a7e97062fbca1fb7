#include "kernels/e4m3_values.h"

#include <array>

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

}  // namespace glimmer::kernels
