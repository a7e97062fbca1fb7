// Dense matrices in memory, row by row: views that own nothing, and one that owns its elements.
#pragma once

#include <cstddef>
#include <cstdint>
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

// Owns [rows, cols] floats, not initialised, from the beginning of a cache line on: a vector of a
// row whose width is a multiple of sixteen never lies in two lines.
class OwnedMatrix {
 public:
  OwnedMatrix() = default;
  OwnedMatrix(size_t rows, size_t cols)
      : memory_(std::make_unique_for_overwrite<float[]>(rows * cols + kLineBytes / sizeof(float))),
        rows_(rows),
        cols_(cols) {}

  size_t rows() const { return rows_; }
  size_t cols() const { return cols_; }
  float* row(size_t r) const { return data() + r * cols_; }
  std::span<float> elements() const { return {data(), rows_ * cols_}; }
  Matrix view() const { return {data(), rows_, cols_, cols_}; }

  operator Matrix() const { return view(); }       // NOLINT: used as a view everywhere
  operator ConstMatrix() const { return view(); }  // NOLINT: the same

 private:
  static constexpr uintptr_t kLineBytes = 64;

  // The line is found anew each time, since aligned allocation gives its memory back less well.
  float* data() const {
    const auto address = reinterpret_cast<uintptr_t>(memory_.get());
    return memory_.get() + (kLineBytes - address % kLineBytes) % kLineBytes / sizeof(float);
  }

  std::unique_ptr<float[]> memory_;
  size_t rows_ = 0;
  size_t cols_ = 0;
};

}  // namespace glimmer::tensor
