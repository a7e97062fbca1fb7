// The plain loops that define what the vector kernels must compute.
#include "kernels/ref/attention.h"
#include "kernels/ref/elementwise.h"
#include "kernels/ref/matmul.h"
#include "kernels/table.h"
#include "tensor/fp8.h"
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

void PackError(const PackErrorArgs& args) {
  for (size_t b = 0; b < args.blocks; ++b) {
    const float step = args.e4m3_values[args.scales[b]] * args.tensor_scale;
    for (size_t l = 0; l < kNvfp4Block; ++l) {
      const uint8_t pair = args.packed[b * kNvfp4BlockBytes + l / 2];
      const float w = tensor::Bf16ToF32(args.weights[b * kNvfp4Block + l]);
      const float value = tensor::E2m1ToF32((pair >> (l % 2 * 4)) & 0xF) * step;
      const double error = w - value;
      args.squares[l] += error * error;
      args.squares[kNvfp4Block + l] += double{w} * double{w};
    }
  }
}

void PackE4m3(const PackE4m3Args& args) {
  for (size_t k = 0; k < args.count; ++k) {
    const float w = tensor::Bf16ToF32(args.weights[k]);
    args.codes[k] = tensor::F32ToE4m3Saturating(w / args.scale);
    const double error = w - tensor::E4m3ToF32(args.codes[k]) * args.scale;
    args.squares[k % kErrorLanes] += error * error;
    args.squares[kErrorLanes + k % kErrorLanes] += double{w} * double{w};
  }
}

}  // namespace

const Table kTable = {
    .abs_max = AbsMax,
    .pack_nvfp4 = PackNvfp4,
    .pack_error = PackError,
    .pack_e4m3 = PackE4m3,
    .matmul_plain = {PlainF32, PlainBf16, PlainNvfp4, PlainE4m3},
    .matmul_groups = {GroupsF32, GroupsBf16, GroupsNvfp4, GroupsE4m3},
    .matmul_int16 = MatMulInt16,
    .matmul_int8 = MatMulInt8,
    .matmul_int16_groups = MatMulInt16Groups,
    .matmul_int8_groups = MatMulInt8Groups,
    .pack_group = PackGroup,
    .pack_int16 = PackInt16,
    .pack_int8 = PackInt8,
    .pack_int16_group = PackInt16Group,
    .pack_int8_group = PackInt8Group,
    .elementwise = &kElementwise,
    .attention = &kAttention,
    .bf16 = nullptr,
};

}  // namespace glimmer::kernels::scalar
