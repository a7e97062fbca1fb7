// The plain loops that define the matrix products. Sixteen partial sums, as the vector kernels have
// them, keep the rounding error of long sums small.
#include "kernels/ref/matmul.h"

#include "tensor/bf16.h"
#include "tensor/fp4.h"

namespace glimmer::kernels::scalar {
namespace {

constexpr size_t kLanes = 16;

template <typename Element>
void Multiply(const MatMulArgs& a, Element element) {
  for (size_t n = 0; n < a.w_rows; ++n) {
    for (size_t t = 0; t < a.x_rows; ++t) {
      const float* x = a.x + t * a.x_stride;
      float lanes[kLanes] = {};
      for (size_t k = 0; k < a.cols; ++k) lanes[k % kLanes] += x[k] * element(n, k);
      float sum = 0;
      for (const float lane : lanes) sum += lane;
      a.y[t * a.y_stride + n] = sum * a.scale;
    }
  }
}

}  // namespace

void MatMulF32(const MatMulArgs& a) {
  const auto* w = static_cast<const float*>(a.w);
  Multiply(a, [&](size_t n, size_t k) { return w[n * a.w_stride + k]; });
}

void MatMulBf16(const MatMulArgs& a) {
  const auto* w = static_cast<const tensor::Bf16*>(a.w);
  Multiply(a, [&](size_t n, size_t k) { return tensor::Bf16ToF32(w[n * a.w_stride + k]); });
}

void MatMulNvfp4(const MatMulArgs& a) {
  const auto* codes = static_cast<const uint8_t*>(a.w);
  Multiply(a, [&](size_t n, size_t k) {
    const size_t at = n * a.cols + k;
    const auto code = static_cast<tensor::E2m1>(codes[at / 2] >> (k % 2 * 4));
    return tensor::E2m1ToF32(code) * a.e4m3_values[a.block_scales[at / kLanes]];
  });
}

void WeightedSum(const WeightedSumArgs& a) {
  for (size_t t = 0; t < a.p_rows; ++t) {
    float* y = a.y + t * a.y_stride;
    for (size_t d = 0; d < a.cols; ++d) y[d] = 0;
    for (size_t s = 0; s < a.value_rows; ++s) {
      const float p = a.p[t * a.p_stride + s];
      for (size_t d = 0; d < a.cols; ++d) y[d] += p * a.values[s * a.value_stride + d];
    }
  }
}

}  // namespace glimmer::kernels::scalar
