#include "kernels/packed_rows.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>
#include <vector>

#include "base/check.h"
#include "kernels/activations.h"
#include "kernels/dispatch.h"
#include "tensor/fp4.h"
#include "tensor/nvfp4.h"

namespace glimmer::kernels {
namespace {

constexpr size_t kAlignment = 64;
// Rows that read the weights directly rather than in a panel.
constexpr size_t kPlainRows = 2;
// Rows that one task packs.
constexpr size_t kGrain = 4 * kGroupRows;
static_assert(kGrain % kPairRows == 0);

size_t RoundUp(size_t count, size_t unit) { return (count + unit - 1) / unit * unit; }

void Allocate(PackedRows& packed, size_t size_bytes) {
  auto* bytes = static_cast<std::byte*>(std::aligned_alloc(kAlignment, size_bytes));
  if (bytes == nullptr) throw std::bad_alloc();
  packed.bytes.reset(bytes);
}

void AllocateFloats(PackedRows& packed, size_t rows) {
  packed.stride = RoundUp(packed.cols, kGroupLanes);
  Allocate(packed, RoundUp(std::max<size_t>(1, rows * packed.stride) * sizeof(float), kAlignment));
  packed.floats = reinterpret_cast<float*>(packed.bytes.get());
}

size_t BlocksOf(const PackedRows& packed) { return RoundUp(packed.cols, kIntBlock) / kIntBlock; }
size_t DigitsOf(RowForm form) { return form == RowForm::kDigits ? kDigitCount : 1; }
size_t LanesOf(RowForm form) { return form == RowForm::kInt8Many ? kIntSixteens : kIntLanes; }
size_t ScalesPerRow(const PackedRows& packed) {
  return packed.form == RowForm::kDigits ? 1 : BlocksOf(packed) * LanesOf(packed.form);
}

void AllocateInts(PackedRows& packed) {
  const size_t blocks = packed.rows * BlocksOf(packed);
  const size_t digits = blocks * DigitsOf(packed.form) * kIntBlock;
  const size_t corrections = blocks * LanesOf(packed.form) * sizeof(int32_t);
  const size_t scales = packed.rows * ScalesPerRow(packed) * sizeof(float);
  Allocate(packed, RoundUp(digits + corrections + scales + 1, kAlignment));
  packed.digits = reinterpret_cast<int8_t*>(packed.bytes.get());
  packed.corrections = reinterpret_cast<int32_t*>(packed.bytes.get() + digits);
  packed.scales = reinterpret_cast<float*>(packed.bytes.get() + digits + corrections);
}

PackIntArgs ArgsOf(const PackedRows& packed, RowPointers rows, size_t row) {
  const size_t blocks = row * BlocksOf(packed);
  return {.x = rows[row],
          .cols = packed.cols,
          .digits = packed.digits + blocks * DigitsOf(packed.form) * kIntBlock,
          .corrections = packed.corrections + blocks * LanesOf(packed.form),
          .scales = packed.scales + row * ScalesPerRow(packed)};
}

void PackPlain(PackedRows& packed, RowPointers rows) {
  AllocateFloats(packed, rows.size());
  auto* to = reinterpret_cast<float*>(packed.bytes.get());
  for (size_t row = 0; row < rows.size(); ++row) {
    std::copy_n(rows[row], packed.cols, to + row * packed.stride);
  }
}

void PackGroups(base::ThreadPool& pool, PackedRows& packed, RowPointers rows, const Table& table) {
  const size_t groups = RoundUp(rows.size(), kGroupRows) / kGroupRows;
  AllocateFloats(packed, groups * kGroupRows);
  auto* to = reinterpret_cast<float*>(packed.bytes.get());
  base::RunRanges(pool, groups, kGrain / kGroupRows, [&](size_t first, size_t last, size_t) {
    for (size_t group = first; group < last; ++group) {
      const size_t row = group * kGroupRows;
      table.pack_group({.rows = rows.data() + row,
                        .count = std::min(kGroupRows, rows.size() - row),
                        .cols = packed.cols,
                        .steps = packed.stride / kGroupLanes,
                        .to = to + row * packed.stride});
    }
  });
}

void PackPairs(base::ThreadPool& pool, PackedRows& packed, RowPointers rows, const Table& table) {
  GLIMMER_CHECK(table.bf16 != nullptr);
  packed.stride = RoundUp(packed.cols, kPairColumns);
  Allocate(packed, RoundUp(std::max<size_t>(1, rows.size() * packed.stride) * sizeof(uint16_t),
                           kAlignment));
  packed.pairs = reinterpret_cast<uint16_t*>(packed.bytes.get());
  const size_t groups = RoundUp(rows.size(), kPairRows) / kPairRows;
  base::RunRanges(pool, groups, kGrain / kPairRows, [&](size_t first, size_t last, size_t) {
    for (size_t row = first * kPairRows; row < std::min(last * kPairRows, rows.size());
         row += kPairRows) {
      table.bf16->pack_pairs({.rows = rows.data() + row,
                              .count = std::min(kPairRows, rows.size() - row),
                              .cols = packed.cols,
                              .to = packed.pairs + row * packed.stride});
    }
  });
}

std::vector<const float*> PointersTo(tensor::ConstMatrix x) {
  std::vector<const float*> rows(x.rows);
  for (size_t row = 0; row < x.rows; ++row) rows[row] = x.row(row);
  return rows;
}

// A block in NVFP4: twice its codes' values, and half its step as the scale. Not finite ones get
// NaN as the scale.
void PackNvfp4Block(const float* x, float input_scale, float* doubled, float& scale) {
  constexpr size_t kBlock = tensor::kNvfp4Block;
  const float step = Nvfp4InputStep({x, kBlock}, input_scale);
  const bool all_finite =
      std::isfinite(step) && std::all_of(x, x + kBlock, [](float v) { return std::isfinite(v); });
  scale = all_finite ? step / 2 : std::numeric_limits<float>::quiet_NaN();
  if (!all_finite || step == 0) return;
  for (size_t i = 0; i < kBlock; ++i) {
    doubled[i] = 2 * tensor::E2m1ToF32(tensor::F32ToE2m1(x[i] / step));
  }
}

// Whole numbers in blocks with these scales, in the layout of IntRows with so many of them for each
// block of kIntBlock columns.
void StoreInt8(const PackIntArgs& a, size_t lanes, std::span<const float> numbers,
               std::span<const float> scales) {
  const size_t blocks = RoundUp(a.cols, kIntBlock) / kIntBlock;
  std::fill_n(a.scales, blocks * lanes, 0.0f);
  std::fill_n(a.corrections, blocks * lanes, 0);
  std::fill_n(a.digits, blocks * kIntBlock, int8_t{0});
  for (size_t k = 0; k < a.cols; ++k) {
    const size_t lane = k / (kIntBlock / lanes);
    const size_t place = k / kIntBlock * kIntBlock + k % 2 * (kIntBlock / 2) + k % kIntBlock / 2;
    a.digits[place] = static_cast<int8_t>(numbers[k]);
    a.corrections[lane] += 12 * static_cast<int32_t>(numbers[k]);
    a.scales[lane] = scales[k / tensor::kNvfp4Block];
  }
}

void PackNvfp4Row(const PackIntArgs& a, size_t lanes, float input_scale) {
  std::vector<float> doubled(a.cols), scales(a.cols / tensor::kNvfp4Block);
  for (size_t block = 0; block < scales.size(); ++block) {
    const size_t k = block * tensor::kNvfp4Block;
    PackNvfp4Block(a.x + k, input_scale, doubled.data() + k, scales[block]);
  }
  StoreInt8(a, lanes, doubled, scales);
}

}  // namespace

void FreeAligned::operator()(std::byte* p) const { std::free(p); }

RowForm FormFor(Format format, ActivationType type, size_t rows, Isa isa) {
  const bool ints = type == ActivationType::kInt8 || type == ActivationType::kNvfp4;
  if (format == Format::kNvfp4 && ints) {
    return rows <= kFewRows ? RowForm::kInt8 : RowForm::kInt8Many;
  }
  if (format == Format::kNvfp4 && type == ActivationType::kBf16 && rows <= kFewRows) {
    return RowForm::kDigits;
  }
  const bool pairs = format == Format::kNvfp4 || format == Format::kBf16;
  if (pairs && type == ActivationType::kBf16 && TableOf(isa).bf16 != nullptr) {
    return RowForm::kBf16Groups;
  }
  return rows <= kPlainRows ? RowForm::kPlain : RowForm::kGroups;
}

PackedRows PackRows(base::ThreadPool& pool, RowPointers rows, size_t cols, RowForm form, Isa isa) {
  const Table& table = TableOf(isa);
  PackedRows packed;
  packed.form = form;
  packed.rows = rows.size();
  packed.cols = cols;
  switch (form) {
    case RowForm::kPlain:
      PackPlain(packed, rows);
      return packed;
    case RowForm::kGroups:
      PackGroups(pool, packed, rows, table);
      return packed;
    case RowForm::kBf16Groups:
      PackPairs(pool, packed, rows, table);
      return packed;
    case RowForm::kDigits:
    case RowForm::kInt8:
    case RowForm::kInt8Many:
      break;
  }
  AllocateInts(packed);
  const auto pack = form == RowForm::kDigits ? table.pack_digits
                    : form == RowForm::kInt8 ? table.pack_int8_few
                                             : table.pack_int8_many;
  base::RunRanges(pool, rows.size(), kGrain, [&](size_t first, size_t last, size_t) {
    for (size_t row = first; row < last; ++row) pack(ArgsOf(packed, rows, row));
  });
  return packed;
}

PackedRows PackRows(base::ThreadPool& pool, tensor::ConstMatrix x, RowForm form, Isa isa) {
  return PackRows(pool, PointersTo(x), x.cols, form, isa);
}

PackedRows PackNvfp4Rows(base::ThreadPool& pool, RowPointers rows, size_t cols, float input_scale) {
  GLIMMER_CHECK(cols % tensor::kNvfp4Block == 0 && input_scale > 0);
  PackedRows packed;
  packed.form = FormFor(Format::kNvfp4, ActivationType::kNvfp4, rows.size());
  packed.rows = rows.size();
  packed.cols = cols;
  AllocateInts(packed);
  base::RunRanges(pool, rows.size(), 1, [&](size_t first, size_t last, size_t) {
    for (size_t row = first; row < last; ++row) {
      PackNvfp4Row(ArgsOf(packed, rows, row), LanesOf(packed.form), input_scale);
    }
  });
  return packed;
}

}  // namespace glimmer::kernels
