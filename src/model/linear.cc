#include "model/linear.h"

#include "kernels/activations.h"
#include "kernels/matmul.h"
#include "model/operator_clock.h"

namespace glimmer::model {

using tensor::ConstMatrix;
using tensor::Matrix;
using tensor::OwnedMatrix;

ConstMatrix LinearInput::For(const Weight& w) {
  const Activations activations = pass_.model.settings.activations;
  const bool to_nvfp4 = activations == Activations::kNvfp4 && w.input_scale > 0;
  if (activations != Activations::kBf16 && !to_nvfp4) return x_;
  const float scale = to_nvfp4 ? w.input_scale : 0;
  if (rounded_for_ == scale) return rounded_;
  if (rounded_for_ < 0) rounded_ = OwnedMatrix(x_.rows, x_.cols);
  rounded_for_ = scale;
  ForEachRow(pass_, x_.rows, [&](size_t row) {
    const std::span<float> to = rounded_.view().row_span(row);
    to_nvfp4 ? kernels::RoundToNvfp4(x_.row_span(row), scale, to)
             : kernels::RoundToBf16(x_.row_span(row), to);
  });
  return rounded_;
}

void Apply(const Pass& pass, LinearInput& x, const Weight& w, Matrix y) {
  if (pass.observer != nullptr) pass.observer->OnLinearInput(w, x.unrounded());
  CountProduct(pass, w, x.rows());
  kernels::MatMul(pass.pool, x.For(w), w, y);
}

OwnedMatrix Apply(const Pass& pass, LinearInput& x, const Weight& w) {
  OwnedMatrix y(x.rows(), w.rows);
  Apply(pass, x, w, y);
  return y;
}

}  // namespace glimmer::model
