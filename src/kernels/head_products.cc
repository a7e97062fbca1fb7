#include "kernels/head_products.h"

#include "base/check.h"
#include "kernels/dispatch.h"
#include "kernels/e4m3_values.h"
#include "kernels/matmul.h"
#include "kernels/scratch.h"

namespace glimmer::kernels {
namespace {

using tensor::ConstMatrix;
using tensor::Matrix;

HeadProductArgs Args(ConstMatrix x, const Weight& w, Matrix y) {
  return {.x = x.data,
          .x_rows = x.rows,
          .x_stride = x.stride,
          .w = w.data,
          .block_scales = w.block_scales,
          .w_rows = w.rows,
          .w_stride = w.stride,
          .cols = w.cols,
          .scale = w.tensor_scale,
          .e4m3_values = E4m3Values(),
          .y = y.data,
          .y_stride = y.stride,
          .scratch = Scratch(HeadScratch(x.rows, w.rows, w.cols))};
}

const HeadProductFunctions& FunctionsFor(Isa isa, Format format) {
  const AttentionTable& table = *TableOf(isa).attention;
  switch (format) {
    case Format::kF32:
      return table.f32;
    case Format::kBf16:
      return table.bf16;
    case Format::kNvfp4:
      return table.nvfp4;
    case Format::kE4m3:
      break;
  }
  GLIMMER_CHECK(format != Format::kE4m3);
  return table.f32;
}

bool TakesFixedPoint(ConstMatrix x, ActivationType type, const Weight& w) {
  return type == ActivationType::kBf16 && w.format == Format::kNvfp4 && x.rows <= kFewRows;
}
bool HasWords(Isa isa, const Weight& w) {
  return w.cols % kWordCols == 0 && w.rows <= kMaxWordRows &&
         TableOf(isa).attention->sum_rows_by_words != nullptr;
}

void SumByWords(Isa isa, ConstMatrix x, const Weight& w, Matrix y) {
  for (size_t t = 0; t < x.rows; ++t) {
    TableOf(isa).attention->sum_rows_by_words(
        {.x = x.row(t),
         .codes = static_cast<const uint8_t*>(w.data),
         .block_scales = w.block_scales,
         .w_rows = w.rows,
         .cols = w.cols,
         .scale = w.tensor_scale,
         .y = y.row(t),
         .scratch = Scratch(HeadWordScratch(w.rows, w.cols))});
  }
}

}  // namespace

void SumOfRowsOn(Isa isa, ConstMatrix x, ActivationType type, const Weight& w, Matrix y) {
  GLIMMER_CHECK(x.cols == w.rows && y.rows == x.rows && y.cols == w.cols);
  if (TakesFixedPoint(x, type, w) && HasWords(isa, w)) return SumByWords(isa, x, w, y);
  FunctionsFor(isa, w.format).sum_rows(Args(x, w, y));
}
void DotRowsOn(Isa isa, ConstMatrix x, ActivationType type, const Weight& w, Matrix y) {
  GLIMMER_CHECK(x.cols == w.cols && y.rows == x.rows && y.cols == w.rows);
  if (TakesFixedPoint(x, type, w)) return MatMulHere(x, type, w, y, isa);
  FunctionsFor(isa, w.format).dot_rows(Args(x, w, y));
}

void SumOfRows(ConstMatrix x, ActivationType type, const Weight& w, Matrix y) {
  SumOfRowsOn(ActiveIsa(), x, type, w, y);
}
void DotRows(ConstMatrix x, ActivationType type, const Weight& w, Matrix y) {
  DotRowsOn(ActiveIsa(), x, type, w, y);
}

}  // namespace glimmer::kernels
