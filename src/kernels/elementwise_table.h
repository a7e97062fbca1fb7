// What each instruction set provides for elementwise.h, activations.h, rope.h and cache_rows.h,
// which say what these functions compute. Rows of `count` values; outputs may be the inputs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cache_format.h"

namespace glimmer::kernels {

// A weight of 1 (elementwise.h).
constexpr uint64_t kLogitWeightUnit = uint64_t{1} << 39;

struct ElementwiseTable {
  void (*rms_norm)(const float* x, const float* weight, size_t count, float eps, float* y);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, size_t count,
                     float eps, float* y);
  void (*silu_mul)(const float* gate, const float* up, size_t count, float* y);
  void (*add_scaled)(float scale, const float* x, size_t count, float* y);
  void (*softmax)(float scale, float* x, size_t count);
  void (*rotate_interleaved)(const float* cosines, const float* sines, size_t half, float* x);
  void (*rotate_halves)(const float* cosines, const float* sines, size_t half, float* x);
  void (*round_to_bf16)(const float* from, size_t count, float* to);
  void (*round_to_nvfp4)(const float* from, size_t count, float input_scale, float* to);
  void (*store_row)(CacheFormat format, const float* from, size_t count, uint8_t* to);
  void (*load_row)(CacheFormat format, const uint8_t* from, size_t count, float* to);
  void (*weigh_logits)(const float* logits, size_t count, float max, double inverse_temperature,
                       uint64_t* weights);
};

}  // namespace glimmer::kernels
