#include "kernels/packed_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <utility>
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
  packed.bytes.reset(
      static_cast<std::byte*>(::operator new (size_bytes, std::align_val_t{kAlignment})));
}

void AllocateFloats(PackedRows& packed, size_t rows) {
  packed.stride = RoundUp(packed.cols, kGroupLanes);
  Allocate(packed, RoundUp(std::max<size_t>(1, rows * packed.stride) * sizeof(float), kAlignment));
  packed.floats = reinterpret_cast<float*>(packed.bytes.get());
}

size_t PaddedBlocks(size_t cols) { return RoundUp(cols, kIntPadding) / kIntBlock; }
size_t DigitsOf(RowForm form) { return form == RowForm::kInt16 ? 2 : 1; }

template <typename T>
size_t RoomFor(size_t count) {
  return RoundUp(count * sizeof(T), kAlignment);
}
// `count` elements at the beginning of `room`, which then begins behind them.
template <typename T>
T* Take(std::byte*& room, size_t count) {
  return reinterpret_cast<T*>(std::exchange(room, room + RoomFor<T>(count)));
}

void AllocateIntRows(PackedRows& packed) {
  const size_t blocks = packed.rows * PaddedBlocks(packed.cols);
  const size_t digits = blocks * DigitsOf(packed.form) * kIntBlock;
  const size_t sixteens = blocks * kIntSixteens;
  Allocate(packed, RoomFor<int8_t>(digits) + RoomFor<int32_t>(sixteens) + RoomFor<float>(sixteens) +
                       RoomFor<float>(packed.rows) + kAlignment);
  std::byte* room = packed.bytes.get();
  packed.digits = Take<int8_t>(room, digits);
  packed.corrections = Take<int32_t>(room, sixteens);
  packed.scales = Take<float>(room, sixteens);
  packed.row_scales = Take<float>(room, packed.rows);
}

PackIntArgs ArgsOf(const PackedRows& packed, RowPointers rows, size_t row) {
  const size_t blocks = row * PaddedBlocks(packed.cols);
  return {.x = rows[row],
          .cols = packed.cols,
          .digits = packed.digits + blocks * DigitsOf(packed.form) * kIntBlock,
          .corrections = packed.corrections + blocks * kIntSixteens,
          .scales = packed.scales + blocks * kIntSixteens};
}

// Brings the largest of `count` scales, `stride` apart, to at least 2^118 and below 2^119, or as
// near to it as 2^126 times it is; returns what the row has to be multiplied by instead.
float RaiseScales(float* scales, size_t count, size_t stride) {
  float largest = 0;
  for (size_t i = 0; i < count; ++i) {
    if (std::isfinite(scales[i * stride])) largest = std::max(largest, scales[i * stride]);
  }
  constexpr int kWanted = 118, kMost = 126;
  const bool is_normal = largest >= std::numeric_limits<float>::min();
  const int power = is_normal ? std::min(kMost, kWanted - std::ilogb(largest)) : kMost;
  const float factor = std::ldexp(1.0f, power);
  for (size_t i = 0; i < count; ++i) scales[i * stride] *= factor;
  return std::ldexp(1.0f, -power);
}

// Packs rows one by one with pack(row's arguments).
template <typename Pack>
void PackIntRows(base::ThreadPool& pool, PackedRows& packed, RowPointers rows, Pack pack) {
  AllocateIntRows(packed);
  base::RunRanges(pool, rows.size(), kGrain, [&](size_t first, size_t last, size_t) {
    for (size_t row = first; row < last; ++row) {
      const PackIntArgs args = ArgsOf(packed, rows, row);
      pack(args);
      packed.row_scales[row] =
          RaiseScales(args.scales, PaddedBlocks(packed.cols) * kIntSixteens, 1);
    }
  });
}

// Takes room for numbers of type T and for a scale for each `width` columns, and packs groups of
// rows with pack(arguments without numbers, the group's numbers). Returns where the numbers begin.
template <typename T, typename Pack>
T* PackIntGroups(base::ThreadPool& pool, PackedRows& packed, RowPointers rows, size_t width,
                 Pack pack) {
  const size_t cols = RoundUp(packed.cols, kIntBlock), of_row = cols / width;
  const size_t groups = RoundUp(rows.size(), kIntGroupRows) / kIntGroupRows;
  const size_t padded = groups * kIntGroupRows;
  Allocate(packed, RoomFor<T>(padded * cols) + RoomFor<float>(padded * of_row) +
                       RoomFor<float>(rows.size()) + kAlignment);
  std::byte* room = packed.bytes.get();
  T* const numbers = Take<T>(room, padded * cols);
  packed.scales = Take<float>(room, padded * of_row);
  packed.row_scales = Take<float>(room, rows.size());
  base::RunRanges(pool, groups, kGrain / kIntGroupRows, [&](size_t first, size_t last, size_t) {
    for (size_t group = first; group < last; ++group) {
      const size_t row = group * kIntGroupRows;
      const size_t count = std::min(kIntGroupRows, rows.size() - row);
      float* scales = packed.scales + row * of_row;
      pack(PackIntGroupArgs{.rows = rows.data() + row,
                            .count = count,
                            .cols = packed.cols,
                            .bytes = nullptr,
                            .words = nullptr,
                            .scales = scales},
           numbers + row * cols);
      for (size_t i = 0; i < count; ++i) {
        packed.row_scales[row + i] = RaiseScales(scales + i, of_row, kIntGroupRows);
      }
    }
  });
  return numbers;
}

void PackPlain(PackedRows& packed, RowPointers rows) {
  AllocateFloats(packed, rows.size());
  auto* to = reinterpret_cast<float*>(packed.bytes.get());
  for (size_t row = 0; row < rows.size(); ++row) {
    std::copy_n(rows[row], packed.cols, to + row * packed.stride);
  }
}

void PackGroups(base::ThreadPool& pool, PackedRows& packed, RowPointers rows, const Table& table) {
  const size_t groups = GroupsOf(rows.size());
  AllocateFloats(packed, groups * kGroupRows);
  auto* to = reinterpret_cast<float*>(packed.bytes.get());
  base::RunRanges(pool, groups, kGrain / kGroupRows, [&](size_t first, size_t last, size_t) {
    for (size_t group = first; group < last; ++group) {
      const size_t row = group * kGroupRows;
      for (size_t k = 0; k < packed.cols; k += kBlockCols) {
        const size_t cols = std::min(kBlockCols, packed.cols - k);
        table.pack_group({.rows = rows.data() + row,
                          .count = std::min(kGroupRows, rows.size() - row),
                          .first = k,
                          .cols = cols,
                          .to = to + GroupPlace(groups, group, k, cols)});
      }
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

// A row in NVFP4 as kInt8.
void PackNvfp4Row(const PackIntArgs& a, float input_scale) {
  const size_t blocks = PaddedBlocks(a.cols);
  std::fill_n(a.digits, blocks * kIntBlock, int8_t{0});
  std::fill_n(a.corrections, blocks * kIntSixteens, 0);
  std::fill_n(a.scales, blocks * kIntSixteens, 0.0f);
  for (size_t k = 0; k < a.cols; k += tensor::kNvfp4Block) {
    float doubled[tensor::kNvfp4Block] = {};
    const size_t sixteen = k % kIntBlock / 16;
    const size_t place = k / kIntBlock * kIntSixteens + kSixteenPlaces[sixteen];
    PackNvfp4Block(a.x + k, input_scale, doubled, a.scales[place]);
    int8_t* digits = a.digits + k / kIntBlock * kIntBlock + 8 * sixteen;
    for (size_t i = 0; i < tensor::kNvfp4Block; ++i) {
      digits[i % 2 * (kIntBlock / 2) + i / 2] = static_cast<int8_t>(doubled[i]);
      a.corrections[place] += 12 * static_cast<int32_t>(doubled[i]);
    }
  }
}

}  // namespace

void FreeAligned::operator()(std::byte* p) const {
  ::operator delete (p, std::align_val_t{kAlignment});
}

RowForm FormFor(Format format, ActivationType type, size_t rows, Isa isa) {
  const bool few = rows <= kFewRows;
  if (format == Format::kNvfp4 && type == ActivationType::kInt8) {
    return few ? RowForm::kInt8 : RowForm::kInt8Groups;
  }
  if (format == Format::kNvfp4 && type == ActivationType::kNvfp4 && few) return RowForm::kInt8;
  if (format == Format::kNvfp4 && type == ActivationType::kBf16 && few) return RowForm::kInt16;
  const bool pairs = format == Format::kNvfp4 || format == Format::kBf16;
  if (pairs && type == ActivationType::kBf16 && TableOf(isa).bf16 != nullptr) {
    return RowForm::kBf16Groups;
  }
  if (format == Format::kNvfp4 && type == ActivationType::kBf16) return RowForm::kInt16Groups;
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
      break;
    case RowForm::kGroups:
      PackGroups(pool, packed, rows, table);
      break;
    case RowForm::kBf16Groups:
      PackPairs(pool, packed, rows, table);
      break;
    case RowForm::kInt16:
      PackIntRows(pool, packed, rows, table.pack_int16);
      break;
    case RowForm::kInt8:
      PackIntRows(pool, packed, rows, table.pack_int8);
      break;
    case RowForm::kInt16Groups:
      packed.words = PackIntGroups<int16_t>(pool, packed, rows, 16,
                                            [&](PackIntGroupArgs args, int16_t* words) {
                                              args.words = words;
                                              table.pack_int16_group(args);
                                            });
      break;
    case RowForm::kInt8Groups:
      packed.numbers = PackIntGroups<uint8_t>(pool, packed, rows, kIntBlock,
                                              [&](PackIntGroupArgs args, uint8_t* bytes) {
                                                args.bytes = bytes;
                                                table.pack_int8_group(args);
                                              });
      break;
  }
  return packed;
}

PackedRows PackRows(base::ThreadPool& pool, tensor::ConstMatrix x, RowForm form, Isa isa) {
  return PackRows(pool, PointersTo(x), x.cols, form, isa);
}

PackedRows PackNvfp4Rows(base::ThreadPool& pool, RowPointers rows, size_t cols, float input_scale) {
  GLIMMER_CHECK(cols % tensor::kNvfp4Block == 0 && input_scale > 0);
  const RowForm form = FormFor(Format::kNvfp4, ActivationType::kNvfp4, rows.size());
  if (form != RowForm::kInt8) {
    const tensor::OwnedMatrix rounded(rows.size(), cols);
    base::RunRanges(pool, rows.size(), 1, [&](size_t first, size_t last, size_t) {
      for (size_t row = first; row < last; ++row) {
        RoundToNvfp4({rows[row], cols}, input_scale, rounded.view().row_span(row));
      }
    });
    return PackRows(pool, rounded, form);
  }
  PackedRows packed;
  packed.form = form;
  packed.rows = rows.size();
  packed.cols = cols;
  PackIntRows(pool, packed, rows,
              [&](const PackIntArgs& args) { PackNvfp4Row(args, input_scale); });
  return packed;
}

}  // namespace glimmer::kernels
