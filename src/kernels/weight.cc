#include "kernels/weight.h"

#include <algorithm>
#include <span>

#include "base/check.h"
#include "tensor/bf16.h"
#include "tensor/nvfp4.h"

namespace glimmer::kernels {
namespace {

using tensor::kNvfp4Block;
using tensor::kNvfp4BlockBytes;
using tensor::Matrix;

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

void Prefetch(const Weight& w) {
  constexpr size_t kLine = 64, kDataLines = 32, kScaleLines = 4;
  const auto ask = [](const void* from, size_t lines) {
    const auto* bytes = static_cast<const char*>(from);
    for (size_t line = 0; line < lines; ++line) __builtin_prefetch(bytes + line * kLine);
  };
  ask(w.data, kDataLines);
  if (w.block_scales != nullptr) ask(w.block_scales, kScaleLines);
}

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
    case Format::kE4m3:
      part.data = bytes + first * weight.stride;
      part.row_scales = weight.row_scales + first;
      break;
  }
  return part;
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
      case Format::kE4m3:
        for (size_t k = 0; k < w.cols; ++k) {
          to[k] = tensor::E4m3ToF32(static_cast<const tensor::E4m3*>(w.data)[start + k]) *
                  w.row_scales[first + row];
        }
        break;
    }
  }
}

}  // namespace glimmer::kernels
