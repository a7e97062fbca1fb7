#include "kernels/matmul.h"

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "kernels/dispatch.h"
#include "kernels/e4m3_values.h"

namespace glimmer::kernels {
namespace {

using tensor::ConstMatrix;
using tensor::Matrix;

// Rows of W that one task computes: enough to share the loads of x, few enough to balance, whole
// panels of every set.
constexpr size_t kRowGrain = 32;
// Products below which waking other threads costs more than it saves: some microseconds' worth.
constexpr size_t kTooSmallToShare = 100'000;

std::byte* Scratch() {
  struct alignas(64) Bytes {
    std::byte bytes[kMatMulScratch];
  };
  thread_local const auto scratch = std::make_unique_for_overwrite<Bytes>();
  return scratch->bytes;
}

// Without activations.
MatMulArgs ArgsOf(const Weight& w, Matrix y) {
  return {.x = nullptr,
          .x_rows = y.rows,
          .x_stride = 0,
          .pairs = nullptr,
          .w = w.data,
          .block_scales = w.block_scales,
          .row_scales = w.row_scales,
          .w_rows = w.rows,
          .w_stride = w.stride,
          .cols = w.cols,
          .scale = w.tensor_scale,
          .y = y.data,
          .y_stride = y.stride,
          .e4m3_values = E4m3Values(),
          .nvfp4_products = Nvfp4Products(),
          .scratch = Scratch()};
}

void MultiplyFloats(const Table& table, const PackedRows& x, const Weight& w, Matrix y) {
  MatMulArgs args = ArgsOf(w, y);
  args.x = x.floats;
  args.x_stride = x.stride;
  const auto format = static_cast<size_t>(w.format);
  (x.form == RowForm::kPlain ? table.matmul_plain : table.matmul_groups)[format](args);
}

void MultiplyPairs(const Table& table, const PackedRows& x, const Weight& w, Matrix y) {
  GLIMMER_CHECK(table.bf16 != nullptr);
  GLIMMER_CHECK(w.format == Format::kNvfp4 || w.format == Format::kBf16);
  MatMulArgs args = ArgsOf(w, y);
  args.pairs = x.pairs;
  (w.format == Format::kNvfp4 ? table.bf16->matmul_nvfp4 : table.bf16->matmul_bf16)(args);
}

void MultiplyInts(void (*multiply)(const IntMatMulArgs& args), const PackedRows& x, const Weight& w,
                  Matrix y) {
  GLIMMER_CHECK(w.format == Format::kNvfp4);
  multiply({.x = {x.digits, x.corrections, x.scales, x.row_scales, x.rows},
            .groups = {x.numbers, x.words, x.scales, x.row_scales, x.rows},
            .codes = static_cast<const uint8_t*>(w.data),
            .block_scales = w.block_scales,
            .w_rows = w.rows,
            .cols = w.cols,
            .scale = w.tensor_scale,
            .y = y.data,
            .y_stride = y.stride,
            .scratch = Scratch()});
}

// Rows as they stand, without copying them.
PackedRows PlainView(ConstMatrix x) {
  PackedRows view;
  view.rows = x.rows;
  view.cols = x.cols;
  view.stride = x.stride;
  view.floats = x.data;
  return view;
}

}  // namespace

void MatMulHere(const PackedRows& x, const Weight& w, Matrix y, Isa isa) {
  GLIMMER_CHECK(x.cols == w.cols && y.rows == x.rows && y.cols == w.rows);
  const Table& table = TableOf(isa);
  switch (x.form) {
    case RowForm::kPlain:
    case RowForm::kGroups:
      return MultiplyFloats(table, x, w, y);
    case RowForm::kInt16:
      return MultiplyInts(table.matmul_int16, x, w, y);
    case RowForm::kInt8:
      return MultiplyInts(table.matmul_int8, x, w, y);
    case RowForm::kInt16Groups:
      return MultiplyInts(table.matmul_int16_groups, x, w, y);
    case RowForm::kInt8Groups:
      return MultiplyInts(table.matmul_int8_groups, x, w, y);
    case RowForm::kBf16Groups:
      return MultiplyPairs(table, x, w, y);
  }
}

void MatMul(base::ThreadPool& pool, const PackedRows& x, const Weight& w, Matrix y) {
  if (x.rows * w.rows * w.cols < kTooSmallToShare) return MatMulHere(x, w, y);
  base::RunRanges(pool, w.rows, kRowGrain, [&](size_t first, size_t last, size_t) {
    MatMulHere(x, RowsOf(w, first, last - first), y.Cols(first, last - first));
  });
}

void MatMul(base::ThreadPool& pool, ConstMatrix x, const Weight& w, Matrix y) {
  const RowForm form = FormFor(w.format, ActivationType::kF32, x.rows);
  MatMul(pool, form == RowForm::kPlain ? PlainView(x) : PackRows(pool, x, form), w, y);
}

void MatMulHere(ConstMatrix x, ActivationType type, const Weight& w, Matrix y, Isa isa) {
  const RowForm form = FormFor(w.format, type, x.rows, isa);
  base::ThreadPool here(1);
  MatMulHere(form == RowForm::kPlain ? PlainView(x) : PackRows(here, x, form, isa), w, y, isa);
}

void MatMulHere(ConstMatrix x, const Weight& w, Matrix y, Isa isa) {
  MatMulHere(x, ActivationType::kF32, w, y, isa);
}

}  // namespace glimmer::kernels
