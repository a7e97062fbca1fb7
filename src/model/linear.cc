#include "model/linear.h"

#include "kernels/activations.h"
#include "kernels/matmul.h"
#include "model/operator_clock.h"

namespace glimmer::model {
namespace {

using kernels::ActivationType;
using kernels::PackedRows;
using kernels::RowForm;
using tensor::ConstMatrix;
using tensor::Matrix;
using tensor::OwnedMatrix;

ActivationType TypeFor(Activations activations, const Weight& w) {
  const bool packed = w.format == kernels::Format::kNvfp4;
  switch (activations) {
    case Activations::kF32:
      return ActivationType::kF32;
    case Activations::kBf16:
      return ActivationType::kBf16;
    case Activations::kInt8:
      return packed ? ActivationType::kInt8 : ActivationType::kBf16;
    case Activations::kNvfp4:
      break;
  }
  return packed && w.input_scale > 0 ? ActivationType::kNvfp4 : ActivationType::kF32;
}

}  // namespace

LinearInput::LinearInput(const Pass& pass, ConstMatrix x) : pass_(pass), cols_(x.cols) {
  for (size_t row = 0; row < x.rows; ++row) rows_.push_back(x.row(row));
}

LinearInput::LinearInput(const Pass& pass, ConstMatrix x, const std::vector<uint32_t>& rows)
    : pass_(pass), cols_(x.cols) {
  for (const uint32_t row : rows) rows_.push_back(x.row(row));
}

PackedRows LinearInput::Pack(const Packed& wanted) const {
  if (wanted.input_scale > 0) {
    return kernels::PackNvfp4Rows(pass_.pool, rows_, cols_, wanted.input_scale);
  }
  if (!wanted.rounded) return kernels::PackRows(pass_.pool, rows_, cols_, wanted.form);
  const OwnedMatrix rounded(rows_.size(), cols_);
  ForEachRow(pass_, rows_.size(), [&](size_t row) {
    kernels::RoundToBf16({rows_[row], cols_}, rounded.view().row_span(row));
  });
  return kernels::PackRows(pass_.pool, rounded, wanted.form);
}

const PackedRows& LinearInput::For(const Weight& w) {
  const ActivationType type = TypeFor(pass_.model.settings.activations, w);
  Packed wanted = {.form = kernels::FormFor(w.format, type, rows_.size()),
                   .rounded = type == ActivationType::kBf16,
                   .input_scale = type == ActivationType::kNvfp4 ? w.input_scale : 0,
                   .rows = {}};
  for (const Packed& packed : packed_) {
    if (packed.form == wanted.form && packed.rounded == wanted.rounded &&
        packed.input_scale == wanted.input_scale) {
      return packed.rows;
    }
  }
  wanted.rows = Pack(wanted);
  packed_.push_back(std::move(wanted));
  return packed_.back().rows;
}

void Announce(const Pass& pass, const LinearInput& x, const Weight& w) {
  if (pass.observer != nullptr) pass.observer->OnLinearInput(w, x.unrounded(), x.cols());
  CountProduct(pass, w, x.rows());
}

void Apply(const Pass& pass, LinearInput& x, const Weight& w, Matrix y) {
  Announce(pass, x, w);
  kernels::MatMul(pass.pool, x.For(w), w, y);
}

OwnedMatrix Apply(const Pass& pass, LinearInput& x, const Weight& w) {
  OwnedMatrix y(x.rows(), w.rows);
  Apply(pass, x, w, y);
  return y;
}

}  // namespace glimmer::model
