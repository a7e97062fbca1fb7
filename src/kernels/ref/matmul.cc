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
  const size_t groups = GroupsOf(a.x_rows);
  const auto x = [&](size_t t, size_t k) {
    const size_t first = k / kBlockCols * kBlockCols;
    const size_t cols = std::min(kBlockCols, a.cols - first);
    const size_t step = (k - first) / kGroupLanes;
    return a.x[GroupPlace(groups, t / kGroupRows, first, cols) +
               (step * kGroupRows + t % kGroupRows) * kGroupLanes + k % kGroupLanes];
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

size_t BlocksOf(size_t cols) { return (cols + kIntBlock - 1) / kIntBlock; }
size_t PaddedBlocksOf(size_t cols) {
  return (cols + kIntPadding - 1) / kIntPadding * (kIntPadding / kIntBlock);
}
// Where column k of a row stands among the digits of its block, and the scale of its sixteen among
// those of the row.
size_t DigitPlace(size_t k) { return k % 2 * (kIntBlock / 2) + k % kIntBlock / 2; }
size_t ScalePlace(size_t k) {
  return k / kIntBlock * kIntSixteens + kSixteenPlaces[k % kIntBlock / 16];
}

// x(t, k) gives the activation.
template <typename X>
void MultiplyInts(const IntMatMulArgs& a, size_t x_rows, X x) {
  for (size_t n = 0; n < a.w_rows; ++n) {
    for (size_t t = 0; t < x_rows; ++t) {
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

void MultiplyDigits(const IntMatMulArgs& a, size_t digits) {
  const size_t blocks = PaddedBlocksOf(a.cols);
  MultiplyInts(a, a.x.rows, [&](size_t t, size_t k) {
    const int8_t* at =
        a.x.digits + (t * blocks + k / kIntBlock) * digits * kIntBlock + DigitPlace(k);
    int32_t number = 0;
    for (size_t digit = 0; digit < digits; ++digit) number = number * 256 + at[digit * kIntBlock];
    return static_cast<float>(number) *
           (a.x.scales[t * blocks * kIntSixteens + ScalePlace(k)] * a.x.row_scales[t]);
  });
}

// Where column k of row t stands among the numbers of a group of so many columns.
size_t GroupPlace(size_t t, size_t k, size_t cols) {
  return (t / kIntGroupRows * cols + k / 16 * 16) * kIntGroupRows + t % kIntGroupRows * 16;
}
size_t BytePlace(size_t t, size_t k, size_t cols) {
  return GroupPlace(t, k, cols) + k % 2 * 8 + k % 16 / 2;
}
size_t WordPlace(size_t t, size_t k, size_t cols) { return GroupPlace(t, k, cols) + k % 16; }

// `width` columns have a scale of x; number(t, k, columns of a group).
template <typename Number>
void MultiplyIntGroups(const IntMatMulArgs& a, size_t width, Number number) {
  const size_t cols = BlocksOf(a.cols) * kIntBlock;
  MultiplyInts(a, a.groups.rows, [&](size_t t, size_t k) {
    const size_t block = (t / kIntGroupRows * cols + k) / width;
    const float scale = a.groups.scales[block * kIntGroupRows + t % kIntGroupRows];
    return static_cast<float>(number(t, k, cols)) * (scale * a.groups.row_scales[t]);
  });
}

float LargestMagnitude(const float* x, size_t count) {
  float largest = 0;
  for (size_t k = 0; k < count; ++k) {
    if (std::abs(x[k]) > largest || std::isnan(x[k])) largest = std::abs(x[k]);
    if (std::isnan(largest)) break;
  }
  return largest;
}

// Calls scale(k) for each sixteen of columns, with the first one, and number(k, scale) for each
// column.
template <typename Scale, typename Number>
void PackIntRow(const PackIntArgs& a, size_t digits, Scale scale, Number number) {
  const size_t blocks = PaddedBlocksOf(a.cols);
  std::fill_n(a.corrections, blocks * kIntSixteens, 0);
  for (size_t k = 0; k < blocks * kIntBlock; ++k) {
    if (k % 16 == 0) a.scales[ScalePlace(k)] = scale(k);
    int32_t rest = k < a.cols ? number(k, a.scales[ScalePlace(k)]) : 0;
    a.corrections[ScalePlace(k)] += 12 * rest;
    for (size_t digit = digits; digit-- > 0;) {
      const auto low = static_cast<int8_t>(rest & 0xFF);
      a.digits[(k / kIntBlock * digits + digit) * kIntBlock + DigitPlace(k)] = low;
      rest = (rest - low) / 256;
    }
  }
}

// The largest magnitude of up to `count` columns from k on.
float LargestOf(const float* x, size_t k, size_t count, size_t cols) {
  return k < cols ? LargestMagnitude(x + k, std::min(count, cols - k)) : 0.0f;
}

int32_t DivideToInt(float x, float step) {
  const bool has_step = std::isfinite(step) && step >= std::numeric_limits<float>::min();
  return has_step ? static_cast<int32_t>(std::nearbyint(x / step)) : 0;
}

// The power of two that the sixteen columns from k on are multiples of; a NaN where there is none.
float Int16Unit(const float* x, size_t k, size_t cols) {
  constexpr int kBits = 15, kLowest = -111;
  constexpr float kMost = 32639.5f;  // times the unit: 127 * 256 + 127 when rounded
  const float largest = LargestOf(x, k, 16, cols);
  if (!std::isfinite(largest)) return std::numeric_limits<float>::quiet_NaN();
  int exponent = kLowest;
  if (largest > 0) std::frexp(largest, &exponent);  // largest < 2^exponent
  if (largest >= std::ldexp(kMost, exponent - kBits)) ++exponent;
  return std::ldexp(1.0f, std::max(exponent, kLowest) - kBits);
}
int32_t UnitsIn(float x, float unit) {
  return unit > 0 ? static_cast<int32_t>(std::nearbyint(x / unit)) : 0;
}

// Calls scale(x, k) for each `width` columns of a row, and store(row, k, x, scale) for each column
// of a group, with zeros for what is not there.
template <typename Scale, typename Store>
void PackIntGroup(const PackIntGroupArgs& a, size_t width, Scale scale, Store store) {
  for (size_t row = 0; row < kIntGroupRows; ++row) {
    for (size_t k = 0; k < BlocksOf(a.cols) * kIntBlock; ++k) {
      const bool is_there = row < a.count;
      float& of_block = a.scales[k / width * kIntGroupRows + row];
      if (k % width == 0) of_block = is_there ? scale(a.rows[row], k) : 0.0f;
      store(row, k, is_there && k < a.cols ? a.rows[row][k] : 0.0f, of_block);
    }
  }
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

void MatMulInt16(const IntMatMulArgs& a) { MultiplyDigits(a, 2); }
void MatMulInt8(const IntMatMulArgs& a) { MultiplyDigits(a, 1); }

void MatMulInt16Groups(const IntMatMulArgs& a) {
  MultiplyIntGroups(a, 16, [&](size_t t, size_t k, size_t cols) {
    return a.groups.words[WordPlace(t, k, cols)];
  });
}
void MatMulInt8Groups(const IntMatMulArgs& a) {
  MultiplyIntGroups(a, kIntBlock, [&](size_t t, size_t k, size_t cols) {
    return a.groups.bytes[BytePlace(t, k, cols)] - kIntOffset;
  });
}

void PackGroup(const PackGroupArgs& a) {
  for (size_t step = 0; step < GroupSteps(a.cols); ++step) {
    for (size_t row = 0; row < kGroupRows; ++row) {
      for (size_t lane = 0; lane < kGroupLanes; ++lane) {
        const size_t k = step * kGroupLanes + lane;
        a.to[(step * kGroupRows + row) * kGroupLanes + lane] =
            row < a.count && k < a.cols ? a.rows[row][a.first + k] : 0.0f;
      }
    }
  }
}

void PackInt16(const PackIntArgs& a) {
  PackIntRow(
      a, 2, [&](size_t k) { return Int16Unit(a.x, k, a.cols); },
      [&](size_t k, float unit) { return UnitsIn(a.x[k], unit); });
}

void PackInt8(const PackIntArgs& a) {
  PackIntRow(
      a, 1, [&](size_t k) { return LargestOf(a.x, k, 16, a.cols) / 127.0f; },
      [&](size_t k, float scale) { return DivideToInt(a.x[k], scale); });
}

void PackInt16Group(const PackIntGroupArgs& a) {
  PackIntGroup(
      a, 16, [&](const float* x, size_t k) { return Int16Unit(x, k, a.cols); },
      [&](size_t row, size_t k, float x, float unit) {
        a.words[WordPlace(row, k, 0)] = static_cast<int16_t>(UnitsIn(x, unit));
      });
}

void PackInt8Group(const PackIntGroupArgs& a) {
  PackIntGroup(
      a, kIntBlock,
      [&](const float* x, size_t k) { return LargestOf(x, k, kIntBlock, a.cols) / 127.0f; },
      [&](size_t row, size_t k, float x, float step) {
        a.bytes[BytePlace(row, k, 0)] = static_cast<uint8_t>(DivideToInt(x, step) + kIntOffset);
      });
}

}  // namespace glimmer::kernels::scalar
