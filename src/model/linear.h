// A linear: y = x · W^T, with x rounded as the model's Activations ask.
#pragma once

#include "model/pass.h"
#include "tensor/matrix.h"

namespace glimmer::model {

// Rows that one or several linears read; rounded once for all of them where they agree.
class LinearInput {
 public:
  // `x` [T, K] must stay as it is.
  LinearInput(const Pass& pass, tensor::ConstMatrix x) : pass_(pass), x_(x) {}

  size_t rows() const { return x_.rows; }
  tensor::ConstMatrix unrounded() const { return x_; }
  // The rows as a linear with this weight sees them; valid until the next call.
  tensor::ConstMatrix For(const Weight& w);

 private:
  const Pass& pass_;
  tensor::ConstMatrix x_;
  tensor::OwnedMatrix rounded_;
  float rounded_for_ = -1;  // the input_scale that `rounded_` was made with; 0 for BF16
};

// y [T, N]. May not overlap x.
void Apply(const Pass& pass, LinearInput& x, const Weight& w, tensor::Matrix y);
tensor::OwnedMatrix Apply(const Pass& pass, LinearInput& x, const Weight& w);

}  // namespace glimmer::model
