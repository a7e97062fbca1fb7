// Activations in the layouts that the products with weights read. Packing them once for all rows of
// a weight, and for all weights that read the same rows, costs a small part of one product.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/thread_pool.h"
#include "kernels/isa.h"
#include "kernels/weight.h"
#include "tensor/matrix.h"

namespace glimmer::kernels {

// What a product may make of its activations.
enum class ActivationType : uint8_t {
  kF32,    // nothing: F32 numbers
  kBf16,   // as BF16 loses: F32 numbers, rounded to BF16 by the caller where it matters. With NVFP4
           // weights they are taken in fixed point, below, unless there are many and the set has
           // products of BF16 pairs, which round what is not BF16
  kInt8,   // with NVFP4 weights: whole numbers from -127 to 127 with an F32 scale for each row and
           // block of columns
  kNvfp4,  // with NVFP4 weights that have an input_scale: NVFP4, as a Blackwell GPU does (W4A4)
};

enum class RowForm : uint8_t {
  kPlain,        // F32, one row after the other
  kGroups,       // F32, three rows side by side
  kInt16,        // whole numbers of 16 bits times a power of two for each block of 16
  kInt8,         // whole numbers of 8 bits with an F32 scale for each block of 16
  kInt16Groups,  // as kInt16, four rows side by side
  kInt8Groups,   // as kInt8 with a scale for each block of 128, four rows side by side
  kBf16Groups,   // BF16, six rows side by side, for products of BF16 pairs
};

// Up to this many rows a product with NVFP4 weights decodes them for each four; more are better off
// with a panel that is decoded once for all.
constexpr size_t kFewRows = 12;

// The form in which `rows` rows meet weights of a format, on this set.
RowForm FormFor(Format format, ActivationType type, size_t rows, Isa isa = ActiveIsa());

struct FreeAligned {
  void operator()(std::byte* p) const;
};

// Made by PackRows and PackNvfp4Rows, for the products alone.
struct PackedRows {
  RowForm form = RowForm::kPlain;
  size_t rows = 0;
  size_t cols = 0;
  size_t stride = 0;              // kPlain: floats from one row to the next
  const float* floats = nullptr;  // kPlain, kGroups
  uint16_t* pairs = nullptr;      // kBf16Groups: bf16_table.h
  int8_t* digits = nullptr;       // kInt16, kInt8: IntRows in table.h, and the next
  int32_t* corrections = nullptr;
  uint8_t* numbers = nullptr;  // kInt8Groups: IntGroups in table.h
  int16_t* words = nullptr;    // kInt16Groups
  float* scales = nullptr;     // all of whole numbers
  float* row_scales = nullptr;
  std::unique_ptr<std::byte, FreeAligned> bytes;  // where these point
};

using RowPointers = std::span<const float* const>;

// Rows of `cols` floats, which may stand anywhere.
//   kInt16  x[t, k] = unit * n for each block of 16, unit a power of two, |n| <= 32,639, n the
//           nearest whole number: the error is at most 2^-15 (1 + 2^-7) of the block's largest
//           magnitude, and zero for BF16 numbers of at least 2^-6 of it. A block whose numbers are
//           all below 2^-111 counts as if its largest were that.
//   kInt16Groups  the same.
//   kInt8   x[t, k] = scale * n, scale = largest magnitude of a block of 16 / 127; ties to even. A
//           scale below 2^-126 makes the block zero.
//   kInt8Groups  the same with blocks of 128.
//   kBf16Groups  the nearest BF16, ties to even. REQUIRES: a set with products of BF16 pairs.
// Not finite numbers make every result of their row not finite.
PackedRows PackRows(base::ThreadPool& pool, RowPointers rows, size_t cols, RowForm form,
                    Isa isa = ActiveIsa());
PackedRows PackRows(base::ThreadPool& pool, tensor::ConstMatrix x, RowForm form,
                    Isa isa = ActiveIsa());

// Rounded to NVFP4 with this input_scale, as RoundToNvfp4 does (activations.h): as kInt8, exactly,
// or, when they are many, as kGroups.
// REQUIRES: cols % 16 == 0; input_scale > 0.
PackedRows PackNvfp4Rows(base::ThreadPool& pool, RowPointers rows, size_t cols, float input_scale);

}  // namespace glimmer::kernels
