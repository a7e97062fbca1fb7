// A linear: y = x . W^T, with x as the model's Activations ask.
#pragma once

#include <deque>
#include <vector>

#include "kernels/packed_rows.h"
#include "model/pass.h"
#include "tensor/matrix.h"

namespace glimmer::model {

// Rows that one or several linears read; packed once for all of them that agree.
class LinearInput {
 public:
  // `x` [T, K] must stay as it is.
  LinearInput(const Pass& pass, tensor::ConstMatrix x);
  // Some rows of x, in this order.
  LinearInput(const Pass& pass, tensor::ConstMatrix x, const std::vector<uint32_t>& rows);

  size_t rows() const { return rows_.size(); }
  size_t cols() const { return cols_; }
  kernels::RowPointers unrounded() const { return rows_; }
  // The rows as a linear with this weight reads them; valid as long as the LinearInput.
  // Not thread-safe: it packs at the first call for a weight of its kind.
  const kernels::PackedRows& For(const Weight& w);

 private:
  struct Packed {
    kernels::RowForm form;
    bool rounded;       // to BF16
    float input_scale;  // of NVFP4 rows, else 0
    kernels::PackedRows rows;
  };
  kernels::PackedRows Pack(const Packed& wanted) const;

  const Pass& pass_;
  std::vector<const float*> rows_;
  size_t cols_;
  std::deque<Packed> packed_;
};

// y [T, N]. May not overlap x.
void Apply(const Pass& pass, LinearInput& x, const Weight& w, tensor::Matrix y);
tensor::OwnedMatrix Apply(const Pass& pass, LinearInput& x, const Weight& w);

// Tells the pass's observer and clock that a linear reads these rows.
void Announce(const Pass& pass, const LinearInput& x, const Weight& w);

}  // namespace glimmer::model
