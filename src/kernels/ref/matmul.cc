// The plain loops that define the matrix products. Sixteen partial sums, as the vector kernels have
// them, keep the rounding error of long sums small.
#include "kernels/ref/matmul.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/bf16.h"
#include "tensor/fp4.h"
#include "tensor/fp8.h"
#include "tensor/nvfp4.h"

namespace glimmer::kernels::scalar {
namespace {

constexpr size_t kLanes = 16;

// x(t, k) and w(n, k) give the elements.
template <typename X, typename W>
void Multiply(const MatMulArgs& a, X x, W w) {
  for (size_t n = 0; n < a.w_rows; ++n) {
    for (size_t t = 0; t < a.x_rows; ++t) {
      float lanes[kLanes] = {};
      for (size_t k = 0; k < a.cols; ++k) lanes[k % kLanes] += x(t, k) * w(n, k);
      float sum = 0;
      for (const float lane : lanes) sum += lane;
      a.y[t * a.y_stride + n] = sum * a.scale;
    }
  }
}

template <typename W>
void MultiplyPlain(const MatMulArgs& a, W w) {
  Multiply(
      a, [&](size_t t, size_t k) { return a.x[t * a.x_stride + k]; }, w);
}

template <typename W>
void MultiplyGroups(const MatMulArgs& a, W w) {
  const auto x = [&](size_t t, size_t k) {
    const size_t step = k / kGroupLanes * kGroupRows * kGroupLanes;
    return a.x[t / kGroupRows * kGroupRows * a.x_stride + step + t % kGroupRows * kGroupLanes +
               k % kGroupLanes];
  };
  Multiply(a, x, w);
}

auto F32Element(const MatMulArgs& a) {
  return [&](size_t n, size_t k) { return static_cast<const float*>(a.w)[n * a.w_stride + k]; };
}
auto Bf16Element(const MatMulArgs& a) {
  return [&](size_t n, size_t k) {
    return tensor::Bf16ToF32(static_cast<const tensor::Bf16*>(a.w)[n * a.w_stride + k]);
  };
}
auto Nvfp4Element(const MatMulArgs& a) {
  return [&](size_t n, size_t k) {
    const size_t at = n * a.cols + k;
    const uint8_t pair = static_cast<const uint8_t*>(a.w)[at / 2];
    return tensor::E2m1ToF32(static_cast<tensor::E2m1>(pair >> (k % 2 * 4))) *
           a.e4m3_values[a.block_scales[at / tensor::kNvfp4Block]];
  };
}
auto E4m3Element(const MatMulArgs& a) {
  return [&](size_t n, size_t k) {
    return a.e4m3_values[static_cast<const uint8_t*>(a.w)[n * a.w_stride + k]] * a.row_scales[n];
  };
}

// Where column k of a row stands among the digits of its block.
size_t DigitPlace(size_t k) { return k % 2 * (kIntBlock / 2) + k % kIntBlock / 2; }
size_t BlocksOf(size_t cols) { return (cols + kIntBlock - 1) / kIntBlock; }

// x(t, k) gives the activation.
template <typename X>
void MultiplyInts(const IntMatMulArgs& a, X x) {
  for (size_t n = 0; n < a.w_rows; ++n) {
    for (size_t t = 0; t < a.x.rows; ++t) {
      float lanes[kLanes] = {};
      for (size_t k = 0; k < a.cols; ++k) {
        const size_t at = n * a.cols + k;
        const auto code = static_cast<tensor::E2m1>(a.codes[at / 2] >> (k % 2 * 4));
        const float scale = tensor::E4m3ToF32(a.block_scales[at / tensor::kNvfp4Block]);
        lanes[k % kLanes] += x(t, k) * (tensor::E2m1ToF32(code) * scale);
      }
      float sum = 0;
      for (const float lane : lanes) sum += lane;
      a.y[t * a.y_stride + n] = sum * a.scale;
    }
  }
}

// With so many scales for each block of x.
void MultiplyInt8(const IntMatMulArgs& a, size_t scales) {
  const size_t blocks = BlocksOf(a.cols);
  MultiplyInts(a, [&](size_t t, size_t k) {
    const int8_t number = a.x.digits[(t * blocks + k / kIntBlock) * kIntBlock + DigitPlace(k)];
    return static_cast<float>(number) * a.x.scales[t * blocks * scales + k / (kIntBlock / scales)];
  });
}

// Writes whole numbers number(k), of `digits` digits, in the layout of IntRows with so many
// corrections for each block.
template <typename Number>
void StoreInts(const PackIntArgs& a, size_t digits, size_t corrections, Number number) {
  const size_t blocks = BlocksOf(a.cols);
  std::fill_n(a.corrections, blocks * corrections, 0);
  for (size_t k = 0; k < blocks * kIntBlock; ++k) {
    int32_t rest = k < a.cols ? number(k) : 0;
    a.corrections[k / (kIntBlock / corrections)] += 12 * rest;
    for (size_t digit = digits; digit-- > 0;) {
      const auto low = static_cast<int8_t>(rest & 0xFF);
      a.digits[(k / kIntBlock * digits + digit) * kIntBlock + DigitPlace(k)] = low;
      rest = (rest - low) / 256;
    }
  }
}

float LargestMagnitude(const float* x, size_t count) {
  float largest = 0;
  for (size_t k = 0; k < count; ++k) {
    if (std::abs(x[k]) > largest || std::isnan(x[k])) largest = std::abs(x[k]);
  }
  return largest;
}

// With so many scales and corrections for each block.
void PackInt8(const PackIntArgs& a, size_t lanes) {
  constexpr size_t kBlock = tensor::kNvfp4Block;
  constexpr float kSmallestStep = 0x1p-126f;
  const size_t columns = kIntBlock / lanes;  // that share a scale's place
  for (size_t i = 0; i < BlocksOf(a.cols) * lanes; ++i) {
    const size_t first = i * columns / kBlock * kBlock;
    const size_t count = first < a.cols ? std::min(kBlock, a.cols - first) : 0;
    a.scales[i] = LargestMagnitude(a.x + first, count) / 127.0f;
  }
  StoreInts(a, 1, lanes, [&](size_t k) {
    const float step = a.scales[k / columns];
    if (!std::isfinite(step) || step < kSmallestStep) return 0;
    return static_cast<int32_t>(std::nearbyint(a.x[k] / step));
  });
}

}  // namespace

void PlainF32(const MatMulArgs& a) { MultiplyPlain(a, F32Element(a)); }
void PlainBf16(const MatMulArgs& a) { MultiplyPlain(a, Bf16Element(a)); }
void PlainNvfp4(const MatMulArgs& a) { MultiplyPlain(a, Nvfp4Element(a)); }
void PlainE4m3(const MatMulArgs& a) { MultiplyPlain(a, E4m3Element(a)); }
void GroupsF32(const MatMulArgs& a) { MultiplyGroups(a, F32Element(a)); }
void GroupsBf16(const MatMulArgs& a) { MultiplyGroups(a, Bf16Element(a)); }
void GroupsNvfp4(const MatMulArgs& a) { MultiplyGroups(a, Nvfp4Element(a)); }
void GroupsE4m3(const MatMulArgs& a) { MultiplyGroups(a, E4m3Element(a)); }

void MatMulDigits(const IntMatMulArgs& a) {
  const size_t blocks = BlocksOf(a.cols);
  MultiplyInts(a, [&](size_t t, size_t k) {
    const int8_t* at =
        a.x.digits + (t * blocks + k / kIntBlock) * kDigitCount * kIntBlock + DigitPlace(k);
    const int32_t number = (at[0] * 256 + at[kIntBlock]) * 256 + at[2 * kIntBlock];
    return static_cast<float>(number) * a.x.scales[t];
  });
}

void MatMulInt8Few(const IntMatMulArgs& a) { MultiplyInt8(a, kIntLanes); }
void MatMulInt8Many(const IntMatMulArgs& a) { MultiplyInt8(a, kIntSixteens); }

void PackGroup(const PackGroupArgs& a) {
  for (size_t step = 0; step < a.steps; ++step) {
    for (size_t row = 0; row < kGroupRows; ++row) {
      for (size_t lane = 0; lane < kGroupLanes; ++lane) {
        const size_t k = step * kGroupLanes + lane;
        a.to[(step * kGroupRows + row) * kGroupLanes + lane] =
            row < a.count && k < a.cols ? a.rows[row][k] : 0.0f;
      }
    }
  }
}

void PackDigits(const PackIntArgs& a) {
  constexpr int kBits = 22, kLowest = -96;
  const float largest = LargestMagnitude(a.x, a.cols);
  int exponent = 0;
  std::frexp(largest, &exponent);  // largest < 2^exponent
  const float unit = std::ldexp(1.0f, std::max(exponent, kLowest) - kBits);
  *a.scales = std::isfinite(largest) ? unit : std::numeric_limits<float>::quiet_NaN();
  StoreInts(a, kDigitCount, kIntLanes, [&](size_t k) {
    return std::isfinite(largest) ? static_cast<int32_t>(std::nearbyint(a.x[k] / unit)) : 0;
  });
}

void PackInt8Few(const PackIntArgs& a) { PackInt8(a, kIntLanes); }
void PackInt8Many(const PackIntArgs& a) { PackInt8(a, kIntSixteens); }

}  // namespace glimmer::kernels::scalar
