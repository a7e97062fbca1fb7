#include "model/block.h"

#include "kernels/elementwise.h"
#include "model/attention.h"
#include "model/mlp.h"
#include "model/operator_clock.h"

namespace glimmer::model {
namespace {

using tensor::ConstMatrix;
using tensor::Matrix;
using tensor::OwnedMatrix;

void AddRows(const Pass& pass, ConstMatrix from, Matrix x) {
  ForEachRow(pass, x.rows,
             [&](size_t row) { kernels::AddScaled(1.0f, from.row_span(row), x.row_span(row)); });
}

}  // namespace

OwnedMatrix NormRows(const Pass& pass, ConstMatrix x, const Vector& weight) {
  const OperatorTimer timer(pass, Operator::kNorms);
  OwnedMatrix normed(x.rows, x.cols);
  ForEachRow(pass, x.rows, [&](size_t row) {
    kernels::RmsNorm(x.row_span(row), weight, pass.model.norm_eps, normed.view().row_span(row));
  });
  return normed;
}

void ApplyAttention(const Pass& pass, size_t layer, const LayerWeights& weights, Matrix x,
                    Selection& selection) {
  const OwnedMatrix normed = NormRows(pass, x, weights.input_norm);
  AddRows(pass, Attend(pass, layer, weights.attention, normed, selection), x);
}

void ApplyBlock(const Pass& pass, size_t layer, const LayerWeights& weights, Matrix x,
                Selection& selection) {
  ApplyAttention(pass, layer, weights, x, selection);
  const OwnedMatrix normed = NormRows(pass, x, weights.post_attention_norm);
  if (const auto* mlp = std::get_if<MlpWeights>(&weights.mlp)) {
    const OperatorTimer timer(pass, Operator::kDenseMlp);
    AddRows(pass, ApplyMlp(pass, *mlp, normed), x);
  } else {
    AddRows(pass, ApplyMoe(pass, layer, std::get<MoeWeights>(weights.mlp), normed), x);
  }
  if (pass.observer != nullptr) pass.observer->OnLayer(layer, x);
}

}  // namespace glimmer::model
