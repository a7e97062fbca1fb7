// The plain loops that define what the vector kernels must compute.
#include "kernels/ref/matmul.h"
#include "kernels/table.h"
#include "tensor/nvfp4.h"

namespace glimmer::kernels::scalar {
namespace {

using tensor::kNvfp4Block;
using tensor::kNvfp4BlockBytes;

uint16_t AbsMax(const uint16_t* weights, size_t count) {
  uint16_t amax = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto magnitude = static_cast<uint16_t>(weights[i] & ~tensor::kBf16SignMask);
    if (magnitude > amax) amax = magnitude;
  }
  return amax;
}

void PackNvfp4(const uint16_t* weights, size_t blocks, float tensor_scale, uint8_t* packed,
               uint8_t* scales) {
  for (size_t b = 0; b < blocks; ++b) {
    scales[b] = tensor::Nvfp4PackBlock(
        std::span<const uint16_t, kNvfp4Block>(weights + b * kNvfp4Block, kNvfp4Block),
        tensor_scale,
        std::span<uint8_t, kNvfp4BlockBytes>(packed + b * kNvfp4BlockBytes, kNvfp4BlockBytes));
  }
}

}  // namespace

const Table kTable = {AbsMax, PackNvfp4, MatMulF32, MatMulBf16, MatMulNvfp4, WeightedSum};

}  // namespace glimmer::kernels::scalar
