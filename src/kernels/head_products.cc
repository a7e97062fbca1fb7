#include "kernels/head_products.h"

#include "base/check.h"
#include "kernels/dispatch.h"
#include "kernels/e4m3_values.h"
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

}  // namespace

void SumOfRowsOn(Isa isa, ConstMatrix x, const Weight& w, Matrix y) {
  GLIMMER_CHECK(x.cols == w.rows && y.rows == x.rows && y.cols == w.cols);
  FunctionsFor(isa, w.format).sum_rows(Args(x, w, y));
}
void DotRowsOn(Isa isa, ConstMatrix x, const Weight& w, Matrix y) {
  GLIMMER_CHECK(x.cols == w.cols && y.rows == x.rows && y.cols == w.rows);
  FunctionsFor(isa, w.format).dot_rows(Args(x, w, y));
}

void SumOfRows(ConstMatrix x, const Weight& w, Matrix y) { SumOfRowsOn(ActiveIsa(), x, w, y); }
void DotRows(ConstMatrix x, const Weight& w, Matrix y) { DotRowsOn(ActiveIsa(), x, w, y); }

}  // namespace glimmer::kernels
