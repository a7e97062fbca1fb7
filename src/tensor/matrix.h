// Dense matrices in memory, row by row: views that own nothing, and one that owns its elements.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace glimmer::tensor {

// [rows, cols]; row r starts at data + r * stride. Copied freely; the elements are not const when T
// is not.
template <typename T>
struct MatrixView {
  T* data = nullptr;
  size_t rows = 0;
  size_t cols = 0;
  size_t stride = 0;

  T* row(size_t r) const { return data + r * stride; }
  std::span<T> row_span(size_t r) const { return {row(r), cols}; }
  MatrixView Rows(size_t first, size_t count) const { return {row(first), count, cols, stride}; }
  MatrixView Cols(size_t first, size_t count) const { return {data + first, rows, count, stride}; }

  operator MatrixView<const T>() const { return {data, rows, cols, stride}; }  // NOLINT: widening
};

using Matrix = MatrixView<float>;
using ConstMatrix = MatrixView<const float>;

// Owns [rows, cols] floats, not initialised.
class OwnedMatrix {
 public:
  OwnedMatrix() = default;
  OwnedMatrix(size_t rows, size_t cols)
      : data_(std::make_unique_for_overwrite<float[]>(rows * cols)), rows_(rows), cols_(cols) {}

  size_t rows() const { return rows_; }
  size_t cols() const { return cols_; }
  float* row(size_t r) const { return data_.get() + r * cols_; }
  std::span<float> elements() const { return {data_.get(), rows_ * cols_}; }
  Matrix view() const { return {data_.get(), rows_, cols_, cols_}; }

  operator Matrix() const { return view(); }       // NOLINT: used as a view everywhere
  operator ConstMatrix() const { return view(); }  // NOLINT: the same

 private:
  std::unique_ptr<float[]> data_;
  size_t rows_ = 0;
  size_t cols_ = 0;
};

}  // namespace glimmer::tensor
