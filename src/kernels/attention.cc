#include "kernels/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "kernels/dispatch.h"
#include "kernels/scratch.h"

namespace glimmer::kernels {
namespace {

using tensor::ConstMatrix;
using tensor::Matrix;
using tensor::OwnedMatrix;

// Rows a power of two apart would share few sets of a cache.
constexpr size_t kRowGap = 16;

size_t BlockStride(size_t cols) { return PaddedCols(cols) + kRowGap; }

OwnedMatrix Padded(ConstMatrix matrix) {
  OwnedMatrix padded(matrix.rows, PaddedCols(matrix.cols));
  for (size_t r = 0; r < matrix.rows; ++r) {
    float* end = std::copy_n(matrix.row(r), matrix.cols, padded.row(r));
    std::fill(end, padded.row(r) + padded.cols(), 0.0f);
  }
  return padded;
}

// All of `count` positions.
uint64_t AllOf(size_t count) {
  return count == kAttentionBlock ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

// Rows that are asked for before they are read: the time of that many decoded covers the latency of
// memory where the rows lie here and there.
constexpr size_t kRowsAhead = 8;

void Prefetch(const std::byte* row, size_t bytes) {
  constexpr size_t kCacheLine = 64;
  for (size_t i = 0; i < bytes; i += kCacheLine) __builtin_prefetch(row + i);
}

void CopyRows(ConstMatrix from, float* to, size_t stride) {
  for (size_t r = 0; r < from.rows; ++r) std::copy_n(from.row(r), from.cols, to + r * stride);
}

}  // namespace

// A block's rows in scratch memory, as the kernels read them, and room for scores.
struct SoftmaxSums::Block {
  float* keys;
  size_t key_stride;
  float* values;
  size_t value_stride;
  float* scores;
};

SoftmaxSums::SoftmaxSums(ConstMatrix queries, size_t value_cols, float scale)
    : SoftmaxSums(ActiveIsa(), queries, value_cols, scale) {}

SoftmaxSums::SoftmaxSums(Isa isa, ConstMatrix queries, size_t value_cols, float scale)
    : table_(TableOf(isa)),
      value_cols_(value_cols),
      scale_(scale),
      queries_(Padded(queries)),
      sums_(queries.rows, PaddedCols(value_cols)),
      maxima_(queries.rows, -std::numeric_limits<float>::infinity()),
      totals_(queries.rows, 0.0f) {
  std::fill(sums_.elements().begin(), sums_.elements().end(), 0.0f);
}

void SoftmaxSums::Add(const CachedRows& rows) {
  GLIMMER_CHECK(PaddedCols(rows.cols) == queries_.cols() && value_cols_ <= rows.cols);
  const size_t stride = BlockStride(rows.cols), pad = queries_.cols() - rows.cols;
  float* memory = Scratch(kAttentionBlock * (stride + queries_.rows()));
  const Block block = {memory, stride, memory, stride, memory + kAttentionBlock * stride};
  std::vector<uint64_t> visible;
  for (size_t first = 0; first < rows.rows.size(); first += kAttentionBlock) {
    const size_t count = std::min(kAttentionBlock, rows.rows.size() - first);
    for (size_t u = 0; u < count; ++u) {
      if (first + u + kRowsAhead < rows.rows.size()) {
        Prefetch(rows.rows[first + u + kRowsAhead], CacheRowBytes(rows.format, rows.cols));
      }
      float* to = memory + u * stride;
      table_.elementwise->load_row(
          rows.format, reinterpret_cast<const uint8_t*>(rows.rows[first + u]), rows.cols, to);
      std::fill_n(to + rows.cols, pad, 0.0f);
    }
    visible.assign(queries_.rows(), AllOf(count));
    Add(block, count, visible.data());
  }
}

void SoftmaxSums::Add(const KeyBlock& from, std::span<const uint64_t> visible) {
  const size_t count = from.keys.rows, cols = from.keys.cols + from.rotated.cols;
  GLIMMER_CHECK(count <= kAttentionBlock && from.rotated.rows == count &&
                from.values.rows == count && visible.size() == queries_.rows());
  GLIMMER_CHECK(PaddedCols(cols) == queries_.cols() && from.values.cols == value_cols_);
  const size_t key_stride = BlockStride(cols), value_stride = BlockStride(value_cols_);
  float* memory = Scratch(kAttentionBlock * (key_stride + value_stride + queries_.rows()));
  const Block block = {memory, key_stride, memory + kAttentionBlock * key_stride, value_stride,
                       memory + kAttentionBlock * (key_stride + value_stride)};
  CopyRows(from.keys, block.keys, key_stride);
  CopyRows(from.rotated, block.keys + from.keys.cols, key_stride);
  for (size_t u = 0; u < count; ++u) {
    std::fill_n(block.keys + u * key_stride + cols, queries_.cols() - cols, 0.0f);
  }
  CopyRows(from.values, block.values, value_stride);
  Add(block, count, visible.data());
}

void SoftmaxSums::Add(const Block& block, size_t count, const uint64_t* visible) {
  table_.attention->attend({.queries = queries_.row(0),
                            .rows = queries_.rows(),
                            .query_stride = queries_.cols(),
                            .width = queries_.cols(),
                            .keys = block.keys,
                            .key_stride = block.key_stride,
                            .values = block.values,
                            .value_stride = block.value_stride,
                            .value_cols = sums_.cols(),
                            .count = count,
                            .visible = visible,
                            .scale = scale_,
                            .maxima = maxima_.data(),
                            .totals = totals_.data(),
                            .sums = sums_.row(0),
                            .sum_stride = sums_.cols(),
                            .scores = block.scores});
}

void SoftmaxSums::Merge(const SoftmaxSums& later) {
  GLIMMER_CHECK(later.sums_.rows() == sums_.rows() && later.sums_.cols() == sums_.cols());
  for (size_t n = 0; n < sums_.rows(); ++n) {
    if (later.totals_[n] == 0) continue;
    const float largest = std::max(maxima_[n], later.maxima_[n]);
    const float shrink = std::exp(scale_ * (maxima_[n] - largest));
    const float factor = std::exp(scale_ * (later.maxima_[n] - largest));
    totals_[n] = totals_[n] * shrink + later.totals_[n] * factor;
    maxima_[n] = largest;
    float* sums = sums_.row(n);
    const float* others = later.sums_.row(n);
    for (size_t d = 0; d < sums_.cols(); ++d) sums[d] = sums[d] * shrink + others[d] * factor;
  }
}

void SoftmaxSums::Finish(Matrix y) const {
  GLIMMER_CHECK(y.rows == sums_.rows() && y.cols == value_cols_);
  for (size_t n = 0; n < y.rows; ++n) {
    for (size_t d = 0; d < y.cols; ++d) y.row(n)[d] = sums_.row(n)[d] / totals_[n];
  }
}

}  // namespace glimmer::kernels
