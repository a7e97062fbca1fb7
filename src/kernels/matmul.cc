#include "kernels/matmul.h"

#include <algorithm>
#include <array>
#include <memory>

#include "base/check.h"
#include "kernels/dispatch.h"
#include "tensor/bf16.h"
#include "tensor/nvfp4.h"

namespace glimmer::kernels {
namespace {

using tensor::ConstMatrix;
using tensor::kNvfp4Block;
using tensor::kNvfp4BlockBytes;
using tensor::Matrix;

// Rows of W that one task computes: enough to share the loads of x, few enough to balance.
constexpr size_t kRowGrain = 24;
// Products below which waking other threads costs more than it saves: some 10 microseconds' worth.
constexpr size_t kTooSmallToShare = 100'000;

std::array<float, 256> MakeE4m3Values() {
  std::array<float, 256> values;
  for (size_t code = 0; code < values.size(); ++code) {
    values[code] = tensor::E4m3ToF32(static_cast<tensor::E4m3>(code));
  }
  return values;
}

const float* E4m3Values() {
  static const std::array<float, 256> values = MakeE4m3Values();
  return values.data();
}

float* Scratch() {
  thread_local const auto scratch = std::make_unique_for_overwrite<float[]>(kMatMulScratch);
  return scratch.get();
}

void Multiply(const Table& table, ConstMatrix x, const Weight& w, Matrix y) {
  GLIMMER_CHECK(x.cols == w.cols && y.rows == x.rows && y.cols == w.rows);
  const MatMulArgs args = {
      .x = x.data,
      .x_rows = x.rows,
      .x_stride = x.stride,
      .w = w.data,
      .block_scales = w.block_scales,
      .w_rows = w.rows,
      .w_stride = w.stride,
      .cols = w.cols,
      .scale = w.tensor_scale,
      .y = y.data,
      .y_stride = y.stride,
      .e4m3_values = E4m3Values(),
      .scratch = Scratch(),
  };
  switch (w.format) {
    case Format::kF32:
      return table.matmul_f32(args);
    case Format::kBf16:
      return table.matmul_bf16(args);
    case Format::kNvfp4:
      return table.matmul_nvfp4(args);
  }
}

void Sum(const Table& table, ConstMatrix p, ConstMatrix values, Matrix y) {
  GLIMMER_CHECK(p.cols == values.rows && y.rows == p.rows && y.cols == values.cols);
  table.weighted_sum({.p = p.data,
                      .p_rows = p.rows,
                      .p_stride = p.stride,
                      .values = values.data,
                      .value_rows = values.rows,
                      .value_stride = values.stride,
                      .cols = values.cols,
                      .y = y.data,
                      .y_stride = y.stride});
}

void DecodeNvfp4Row(const Weight& w, size_t row, std::span<float> out) {
  const auto* codes = static_cast<const uint8_t*>(w.data) + row * w.cols / 2;
  const tensor::E4m3* scales = w.block_scales + row * w.cols / kNvfp4Block;
  for (size_t block = 0; block < w.cols / kNvfp4Block; ++block) {
    tensor::Nvfp4UnpackBlock(
        std::span<const uint8_t, kNvfp4BlockBytes>(codes + block * kNvfp4BlockBytes,
                                                   kNvfp4BlockBytes),
        scales[block], w.tensor_scale,
        std::span<float, kNvfp4Block>(out.data() + block * kNvfp4Block, kNvfp4Block));
  }
}

}  // namespace

Weight RowsOf(const Weight& weight, size_t first, size_t count) {
  GLIMMER_CHECK(first + count <= weight.rows);
  Weight part = weight;
  part.rows = count;
  const auto* bytes = static_cast<const std::byte*>(weight.data);
  switch (weight.format) {
    case Format::kF32:
      part.data = bytes + first * weight.stride * sizeof(float);
      break;
    case Format::kBf16:
      part.data = bytes + first * weight.stride * sizeof(tensor::Bf16);
      break;
    case Format::kNvfp4:
      part.data = bytes + first * weight.cols / 2;
      part.block_scales = weight.block_scales + first * weight.cols / kNvfp4Block;
      break;
  }
  return part;
}

Weight AsWeight(ConstMatrix matrix) {
  return {.format = Format::kF32,
          .rows = matrix.rows,
          .cols = matrix.cols,
          .stride = matrix.stride,
          .data = matrix.data};
}

void MatMulHereOn(Isa isa, ConstMatrix x, const Weight& w, Matrix y) {
  Multiply(TableOf(isa), x, w, y);
}
void WeightedSumOn(Isa isa, ConstMatrix p, ConstMatrix values, Matrix y) {
  Sum(TableOf(isa), p, values, y);
}
void MatMulHere(ConstMatrix x, const Weight& w, Matrix y) { Multiply(ActiveTable(), x, w, y); }
void WeightedSum(ConstMatrix p, ConstMatrix values, Matrix y) { Sum(ActiveTable(), p, values, y); }

void MatMul(base::ThreadPool& pool, ConstMatrix x, const Weight& w, Matrix y) {
  if (x.rows * w.rows * w.cols < kTooSmallToShare) return MatMulHere(x, w, y);
  base::RunRanges(pool, w.rows, kRowGrain, [&](size_t first, size_t last, size_t) {
    MatMulHere(x, RowsOf(w, first, last - first), y.Cols(first, last - first));
  });
}

void DecodeRows(const Weight& w, size_t first, Matrix out) {
  GLIMMER_CHECK(out.cols == w.cols && first + out.rows <= w.rows);
  for (size_t row = 0; row < out.rows; ++row) {
    const std::span<float> to = out.row_span(row);
    const size_t start = (first + row) * w.stride;
    switch (w.format) {
      case Format::kF32:
        std::copy_n(static_cast<const float*>(w.data) + start, w.cols, to.begin());
        break;
      case Format::kBf16:
        for (size_t k = 0; k < w.cols; ++k) {
          to[k] = tensor::Bf16ToF32(static_cast<const tensor::Bf16*>(w.data)[start + k]);
        }
        break;
      case Format::kNvfp4:
        DecodeNvfp4Row(w, first + row, to);
        break;
    }
  }
}

}  // namespace glimmer::kernels
