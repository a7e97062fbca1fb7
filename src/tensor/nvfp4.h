// NVFP4 as NVIDIA Model Optimizer writes it: E2M1 codes, one E4M3 scale per block of 16 elements
// along the input dimension, one F32 scale per tensor (or per fusion group).
//   value[n, k] = E2M1(code[n, k]) * (E4M3(weight_scale[n, k / 16]) * weight_scale_2)
// This file is the meaning of the format: plain IEEE single precision, one step per line. Every
// faster path (kernels/nvfp4_pack.h) must give the same bytes.
// Source: docs/formats.md#nvfp4 (modelopt 0.47, NVFP4QTensor).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/bf16.h"
#include "tensor/fp4.h"
#include "tensor/fp8.h"

namespace glimmer::tensor {

constexpr size_t kNvfp4Block = 16;                        // elements that share a block scale
constexpr size_t kNvfp4BlockBytes = kNvfp4Block / 2;      // their codes, two a byte
constexpr float kNvfp4AmaxToScale = kE2m1Max * kE4m3Max;  // 2688
// weight_scale_2 of a tensor without any non-zero element, where modelopt would write 0.
constexpr float kNvfp4ZeroTensorScale = 0x1p-126f;

// How amax becomes the per-tensor scale. PyTorch divides on the CPU and multiplies by the rounded
// reciprocal on CUDA; the results differ in the last bit for 28 of 128 BF16 mantissas.
enum class ScaleRule { kCpu, kGpu };

// weight_scale_2 (or input_scale) of a tensor whose largest magnitude is `amax`, finite, >= 0.
inline float Nvfp4TensorScale(float amax, ScaleRule rule) {
  if (amax == 0.0f) return kNvfp4ZeroTensorScale;
  constexpr float kReciprocal = 1.0f / kNvfp4AmaxToScale;
  return rule == ScaleRule::kCpu ? amax / kNvfp4AmaxToScale : amax * kReciprocal;
}

// The block's E4M3 scale from its largest magnitude. Never 0 and never NaN: a quotient of zero (a
// block of zeros, or an underflow) gives 1.0, everything else is clamped to [2^-9, 448] before
// rounding to nearest even.
inline E4m3 Nvfp4BlockScale(float block_amax, float tensor_scale) {
  float t = block_amax / (kE2m1Max * tensor_scale);
  if (t == 0.0f) t = 1.0f;
  if (t < kE4m3MinSubnormal) t = kE4m3MinSubnormal;
  return F32ToE4m3Saturating(t);
}

// What one code step of this block is worth.
inline float Nvfp4Step(E4m3 block_scale, float tensor_scale) {
  return E4m3ToF32(block_scale) * tensor_scale;
}

// One block: 16 BF16 weights -> 8 bytes (even element in the low nibble) and the scale.
inline E4m3 Nvfp4PackBlock(std::span<const Bf16, kNvfp4Block> weights, float tensor_scale,
                           std::span<uint8_t, kNvfp4BlockBytes> packed) {
  Bf16 amax = 0;
  for (const Bf16 w : weights) {
    const Bf16 magnitude = w & static_cast<Bf16>(~kBf16SignMask);
    if (magnitude > amax) amax = magnitude;
  }
  const E4m3 scale = Nvfp4BlockScale(Bf16ToF32(amax), tensor_scale);
  const float step = Nvfp4Step(scale, tensor_scale);
  for (size_t j = 0; j < kNvfp4BlockBytes; ++j) {
    const E2m1 even = F32ToE2m1(Bf16ToF32(weights[2 * j]) / step);
    const E2m1 odd = F32ToE2m1(Bf16ToF32(weights[2 * j + 1]) / step);
    packed[j] = static_cast<uint8_t>(even | (odd << 4));
  }
  return scale;
}

// The block's values in F32.
inline void Nvfp4UnpackBlock(std::span<const uint8_t, kNvfp4BlockBytes> packed, E4m3 scale,
                             float tensor_scale, std::span<float, kNvfp4Block> values) {
  const float step = Nvfp4Step(scale, tensor_scale);
  for (size_t j = 0; j < kNvfp4BlockBytes; ++j) {
    values[2 * j] = E2m1ToF32(packed[j] & 0xF) * step;
    values[2 * j + 1] = E2m1ToF32(packed[j] >> 4) * step;
  }
}

}  // namespace glimmer::tensor
