#include "kernels/matmul.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/activations.h"
#include "kernels/nvfp4_pack.h"
#include "tensor/nvfp4.h"

namespace glimmer::kernels {
namespace {

using tensor::Bf16;
using tensor::F32ToBf16;
using tensor::OwnedMatrix;

class MatMulOnEveryIsa : public ::testing::TestWithParam<Isa> {};

OwnedMatrix Random(size_t rows, size_t cols, std::mt19937& random) {
  std::normal_distribution<float> normal;
  OwnedMatrix matrix(rows, cols);
  for (float& x : matrix.elements()) x = normal(random);
  return matrix;
}

// A random weight in one of the formats, with its values.
struct Sample {
  Sample(Format format, size_t rows, size_t cols, std::mt19937& random)
      : values(Random(rows, cols, random)), bf16(rows * cols) {
    for (size_t i = 0; i < bf16.size(); ++i) bf16[i] = F32ToBf16(values.elements()[i]);
    weight = {.format = format, .rows = rows, .cols = cols, .stride = cols};
    switch (format) {
      case Format::kF32:
        weight.data = values.row(0);
        break;
      case Format::kBf16:
        weight.data = bf16.data();
        break;
      case Format::kNvfp4:
        codes.resize(rows * cols / 2);
        scales.resize(rows * cols / 16);
        weight.tensor_scale = tensor::Nvfp4TensorScale(4.0f, tensor::ScaleRule::kCpu);
        PackNvfp4(bf16, weight.tensor_scale, codes, scales);
        weight.data = codes.data();
        weight.block_scales = scales.data();
        break;
      case Format::kE4m3:
        for (const float x : values.elements()) {
          codes.push_back(tensor::F32ToE4m3Saturating(x * 8));
        }
        for (size_t n = 0; n < rows; ++n) row_scales.push_back(0.1f + static_cast<float>(n));
        weight.data = codes.data();
        weight.row_scales = row_scales.data();
    }
    DecodeRows(weight, 0, values);
  }

  OwnedMatrix values;  // what the weight means
  std::vector<Bf16> bf16;
  std::vector<uint8_t> codes, scales;
  std::vector<float> row_scales;
  Weight weight;
};

constexpr RowForm kIntForms[] = {RowForm::kInt16, RowForm::kInt8, RowForm::kInt16Groups,
                                 RowForm::kInt8Groups};
bool HasTwoDigits(RowForm form) { return form == RowForm::kInt16 || form == RowForm::kInt16Groups; }
constexpr Format kFormats[] = {Format::kF32, Format::kBf16, Format::kNvfp4, Format::kE4m3};

// The bounds of matmul.h.
double Roundings(size_t cols) { return static_cast<double>(cols) / 8 + 16; }
double RoundingsOfPairs(size_t cols) {
  return static_cast<double>(std::min<size_t>(cols, 512)) / 4 + static_cast<double>(cols) / 512 + 6;
}

// Against sums in double. The bound is that of roundings and what packing made of x: at
// most `x_error` of each element.
void ExpectProduct(tensor::ConstMatrix x, const Sample& w, tensor::ConstMatrix y,
                   const tensor::ConstMatrix* x_error = nullptr,
                   double (*roundings)(size_t cols) = Roundings) {
  for (size_t t = 0; t < x.rows; ++t) {
    for (size_t n = 0; n < w.weight.rows; ++n) {
      double sum = 0, magnitude = 0, of_packing = 0;
      for (size_t k = 0; k < x.cols; ++k) {
        const double product = double{x.row(t)[k]} * w.values.row(n)[k];
        sum += product;
        magnitude += std::abs(product);
        if (x_error == nullptr) continue;
        of_packing += double{x_error->row(t)[k]} * std::abs(double{w.values.row(n)[k]});
      }
      const double rounding = roundings(x.cols) * 0x1p-24 * magnitude;
      ASSERT_NEAR(y.row(t)[n], sum, of_packing + rounding)
          << "row " << t << " column " << n << " of " << x.rows << " with " << x.cols << " columns";
    }
  }
}

TEST_P(MatMulOnEveryIsa, IsTheProduct) {
  std::mt19937 random(1);
  for (const Format format : kFormats) {
    for (const size_t cols : {16u, 48u, 1024u, 1040u, 2304u, 7u, 100u, 1025u}) {
      if (format == Format::kNvfp4 && cols % 16 != 0) continue;
      const Sample w(format, 1 + random() % 20, cols, random);
      for (const size_t rows : {1u, 2u, 3u, 4u, 50u, 100u}) {
        const OwnedMatrix x = Random(rows, cols, random);
        OwnedMatrix y(rows, w.weight.rows);
        MatMulHere(x, w.weight, y, GetParam());
        ExpectProduct(x, w, y);
      }
    }
  }
}

// The promise of the header: a row's result does not depend on the rows beside it.
TEST_P(MatMulOnEveryIsa, ARowDoesNotDependOnItsBatch) {
  std::mt19937 random(2);
  for (const Format format : kFormats) {
    const Sample w(format, 31, 2064, random);
    const OwnedMatrix x = Random(53, 2064, random);
    OwnedMatrix together(53, 31), alone(1, 31);
    MatMulHere(x, w.weight, together, GetParam());
    for (size_t t = 0; t < x.rows(); ++t) {
      MatMulHere(x.view().Rows(t, 1), w.weight, alone, GetParam());
      for (size_t n = 0; n < 31; ++n) ASSERT_EQ(together.row(t)[n], alone.row(0)[n]);
    }
  }
}

// Rows with outliers, zeros and numbers of all sizes.
OwnedMatrix Uneven(size_t rows, size_t cols, std::mt19937& random) {
  OwnedMatrix x = Random(rows, cols, random);
  for (float& value : x.elements()) {
    const auto kind = random() % 32;
    if (kind == 0) value *= 1000;
    if (kind == 1) value = 0;
    if (kind > 20) value *= 0x1p-9f;
  }
  return x;
}

// What packing may have done to each element (packed_rows.h).
OwnedMatrix PackingErrors(const OwnedMatrix& x, RowForm form) {
  OwnedMatrix errors(x.rows(), x.cols());
  const size_t width = form == RowForm::kInt8Groups ? 128 : 16;
  const float share = HasTwoDigits(form) ? 0x1p-15f * (1 + 0x1p-7f) : 0.5001f / 127;
  for (size_t t = 0; t < x.rows(); ++t) {
    for (size_t k = 0; k < x.cols(); k += width) {
      const size_t last = std::min(k + width, x.cols());
      float largest = 0;
      for (size_t i = k; i < last; ++i) largest = std::max(largest, std::abs(x.row(t)[i]));
      for (size_t i = k; i < last; ++i) errors.row(t)[i] = largest * share;
    }
  }
  return errors;
}

TEST_P(MatMulOnEveryIsa, WholeNumbersGiveTheProduct) {
  std::mt19937 random(7);
  base::ThreadPool pool(1);
  for (const RowForm form : kIntForms) {
    for (const size_t cols : {16u, 48u, 128u, 144u, 256u, 400u, 1024u, 2096u}) {
      const Sample w(Format::kNvfp4, 1 + random() % 20, cols, random);
      for (const size_t rows : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 23u, 140u}) {
        const OwnedMatrix x = Uneven(rows, cols, random);
        const OwnedMatrix errors = PackingErrors(x, form);
        const tensor::ConstMatrix view = errors;
        OwnedMatrix y(rows, w.weight.rows);
        MatMulHere(PackRows(pool, x, form, GetParam()), w.weight, y, GetParam());
        ExpectProduct(x, w, y, &view);
      }
    }
  }
}

// Numbers of at least 2^-6 of their block's largest are not rounded.
TEST_P(MatMulOnEveryIsa, Int16HoldsBf16Exactly) {
  std::mt19937 random(8);
  base::ThreadPool pool(1);
  const Sample w(Format::kNvfp4, 12, 512, random);
  OwnedMatrix x(3, 512), y(3, 12);
  for (size_t i = 0; i < x.elements().size(); ++i) {
    // Largest mantissas too, in blocks of all sizes.
    const auto bits = static_cast<Bf16>(random() % 6 << 7 | random() % 128);
    const float size = std::ldexp(1.0f, static_cast<int>(i / 16 * 7 % 40) - 20);
    x.elements()[i] = tensor::Bf16ToF32(static_cast<Bf16>(0x3F80 - (5 << 7) + bits)) * size;
    if (random() % 2 == 0) x.elements()[i] = -x.elements()[i];
  }
  for (const RowForm form : {RowForm::kInt16, RowForm::kInt16Groups}) {
    MatMulHere(PackRows(pool, x, form, GetParam()), w.weight, y, GetParam());
    ExpectProduct(x, w, y);
  }
}

// Scales of tensors are as small as those of real models, and all products are positive, so that
// nothing averages out.
TEST_P(MatMulOnEveryIsa, WholeNumbersWithSmallScalesAreExact) {
  std::mt19937 random(16);
  base::ThreadPool pool(1);
  for (const float tensor_scale : {1.9e-4f, 3.1e-5f, 1e-9f}) {
    Sample w(Format::kNvfp4, 11, 1024, random);
    for (uint8_t& pair : w.codes) pair &= 0x77;
    w.weight.tensor_scale = tensor_scale;
    DecodeRows(w.weight, 0, w.values);
    OwnedMatrix x(5, 1024), y(5, 11);
    for (float& value : x.elements()) value = static_cast<float>(128 + random() % 128) / 256;
    for (const RowForm form : {RowForm::kInt16, RowForm::kInt16Groups}) {
      MatMulHere(PackRows(pool, x, form, GetParam()), w.weight, y, GetParam());
      ExpectProduct(x, w, y);
    }
  }
}

// The promise of docs/kernels/matmul.md for few rows.
TEST_P(MatMulOnEveryIsa, AFewRowsOfWholeNumbersDoNotDependOnEachOther) {
  std::mt19937 random(17);
  base::ThreadPool pool(1);
  for (const RowForm form : {RowForm::kInt16, RowForm::kInt8}) {
    for (const size_t cols : {400u, 1024u}) {
      const Sample w(Format::kNvfp4, 39, cols, random);
      const OwnedMatrix x = Uneven(6, cols, random), alone(1, 39);
      for (size_t rows = 2; rows <= 6; ++rows) {
        const OwnedMatrix together(rows, 39);
        MatMulHere(PackRows(pool, x.view().Rows(0, rows), form, GetParam()), w.weight, together,
                   GetParam());
        for (size_t t = 0; t < rows; ++t) {
          MatMulHere(PackRows(pool, x.view().Rows(t, 1), form, GetParam()), w.weight, alone,
                     GetParam());
          for (size_t n = 0; n < 39; ++n) ASSERT_EQ(together.row(t)[n], alone.row(0)[n]);
        }
      }
    }
  }
}

// The format of a GPU's W4A4: the product of rounded rows, to F32's rounding.
TEST_P(MatMulOnEveryIsa, Nvfp4RowsGiveTheProductOfRoundedRows) {
  std::mt19937 random(9);
  base::ThreadPool pool(2);
  const Sample w(Format::kNvfp4, 17, 208, random);
  for (const size_t rows : {1u, 5u, 20u}) {
    const OwnedMatrix x = Uneven(rows, 208, random), rounded(rows, 208), y(rows, 17);
    std::vector<const float*> pointers;
    for (size_t t = 0; t < rows; ++t) {
      pointers.push_back(x.row(t));
      RoundToNvfp4(x.view().row_span(t), 0.7f, rounded.view().row_span(t));
    }
    MatMulHere(PackNvfp4Rows(pool, pointers, 208, 0.7f), w.weight, y, GetParam());
    ExpectProduct(rounded, w, y);
  }
}

TEST_P(MatMulOnEveryIsa, WholeNumbersOfExtremesStayFiniteOrSaySo) {
  std::mt19937 random(10);
  base::ThreadPool pool(1);
  const Sample w(Format::kNvfp4, 9, 128, random);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const RowForm form : kIntForms) {
    const auto multiply = [&](float value) {
      OwnedMatrix x = Random(1, 128, random), y(1, 9);
      x.row(0)[77] = value;
      MatMulHere(PackRows(pool, x, form, GetParam()), w.weight, y, GetParam());
      return std::vector<float>(y.elements().begin(), y.elements().end());
    };
    for (const float value : {0.0f, 1e-44f, 1e-30f, 1e30f}) {
      for (const float result : multiply(value)) EXPECT_TRUE(std::isfinite(result)) << value;
    }
    for (const float value : {kInfinity, -kInfinity, std::nanf("")}) {
      for (const float result : multiply(value)) EXPECT_FALSE(std::isfinite(result)) << value;
    }
    OwnedMatrix zeros(1, 128), y(1, 9);
    std::fill(zeros.elements().begin(), zeros.elements().end(), 0.0f);
    MatMulHere(PackRows(pool, zeros, form, GetParam()), w.weight, y, GetParam());
    for (const float result : y.elements()) EXPECT_EQ(result, 0.0f);
  }
}

// A damaged weight shows in its own row of W alone.
TEST_P(MatMulOnEveryIsa, NotFiniteScalesShow) {
  std::mt19937 random(15);
  base::ThreadPool pool(1);
  Sample w(Format::kNvfp4, 9, 400, random);
  w.scales[3 * (400 / 16) + 17] = 0x7F;
  const OwnedMatrix x = Random(7, 400, random), y(7, 9);
  for (const RowForm form : {RowForm::kPlain, RowForm::kGroups, RowForm::kInt16, RowForm::kInt8,
                             RowForm::kInt16Groups, RowForm::kInt8Groups}) {
    MatMulHere(PackRows(pool, x, form, GetParam()), w.weight, y, GetParam());
    for (size_t t = 0; t < 7; ++t) {
      for (size_t n = 0; n < 9; ++n) EXPECT_EQ(std::isfinite(y.row(t)[n]), n != 3);
    }
  }
}

// NaN and negative scales, wherever they stand; plain loops take a negative one as a number.
TEST_P(MatMulOnEveryIsa, InvalidScalesOfFewRowsShow) {
  if (GetParam() == Isa::kScalar) return;
  std::mt19937 random(18);
  base::ThreadPool pool(1);
  const OwnedMatrix x = Random(6, 400, random);
  for (const auto code : std::initializer_list<uint8_t>{0x7F, 0x80, 0xFE, 0xFF}) {
    for (const size_t bad : {0u, 3u, 8u}) {
      for (const size_t block : {0u, 15u, 17u, 24u}) {
        Sample w(Format::kNvfp4, 9, 400, random);
        w.scales[bad * (400 / 16) + block] = code;
        for (size_t rows = 1; rows <= 6; ++rows) {
          for (const RowForm form : {RowForm::kInt16, RowForm::kInt8}) {
            const OwnedMatrix y(rows, 9);
            MatMulHere(PackRows(pool, x.view().Rows(0, rows), form, GetParam()), w.weight, y,
                       GetParam());
            for (size_t t = 0; t < rows; ++t) {
              for (size_t n = 0; n < 9; ++n) ASSERT_EQ(std::isfinite(y.row(t)[n]), n != bad);
            }
          }
        }
      }
    }
  }
}

// Sets with products of BF16 pairs, which are not among those that must have the same bits.
class MatMulOfPairs : public ::testing::TestWithParam<Isa> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MatMulOfPairs);

bool HasPairs(Isa isa) {
  return FormFor(Format::kBf16, ActivationType::kBf16, 1, isa) == RowForm::kBf16Groups;
}

OwnedMatrix RandomBf16(size_t rows, size_t cols, std::mt19937& random) {
  OwnedMatrix x = Uneven(rows, cols, random);
  RoundToBf16(x.elements(), x.elements());
  return x;
}

TEST_P(MatMulOfPairs, IsTheProduct) {
  std::mt19937 random(12);
  base::ThreadPool pool(2);
  for (const Format format : {Format::kBf16, Format::kNvfp4}) {
    for (const size_t cols : {16u, 48u, 1024u, 1040u, 2304u, 7u, 100u, 1025u}) {
      if (format == Format::kNvfp4 && cols % 16 != 0) continue;
      const Sample w(format, 1 + random() % 20, cols, random);
      for (const size_t rows : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 23u, 250u}) {
        const OwnedMatrix x = RandomBf16(rows, cols, random);
        OwnedMatrix y(rows, w.weight.rows);
        MatMulHere(PackRows(pool, x, RowForm::kBf16Groups, GetParam()), w.weight, y, GetParam());
        ExpectProduct(x, w, y, nullptr, RoundingsOfPairs);
      }
    }
  }
}

TEST_P(MatMulOfPairs, ARowDoesNotDependOnItsBatch) {
  std::mt19937 random(13);
  base::ThreadPool pool(1);
  for (const Format format : {Format::kBf16, Format::kNvfp4}) {
    const Sample w(format, 31, 2064, random);
    const OwnedMatrix x = RandomBf16(53, 2064, random);
    OwnedMatrix together(53, 31), alone(1, 31);
    MatMulHere(PackRows(pool, x, RowForm::kBf16Groups, GetParam()), w.weight, together, GetParam());
    for (size_t t = 0; t < x.rows(); ++t) {
      const tensor::ConstMatrix row = x.view().Rows(t, 1);
      MatMulHere(PackRows(pool, row, RowForm::kBf16Groups, GetParam()), w.weight, alone,
                 GetParam());
      for (size_t n = 0; n < 31; ++n) ASSERT_EQ(together.row(t)[n], alone.row(0)[n]);
    }
  }
}

// Every product of a code and a scale: row n of W has scale n in its first block, codes 0 to 15.
TEST_P(MatMulOfPairs, ExpandsEveryCodeWithEveryScale) {
  base::ThreadPool pool(1);
  constexpr size_t kScales = 127;  // 127 is NaN, and there are no negative scales
  std::vector<uint8_t> codes, scales;
  for (size_t n = 0; n < kScales; ++n) {
    for (const int k : {0, 2, 4, 6, 8, 10, 12, 14}) {
      codes.push_back(static_cast<uint8_t>((k + 1) << 4 | k));
    }
    scales.push_back(static_cast<uint8_t>(n));
  }
  const Weight w = {.format = Format::kNvfp4,
                    .rows = kScales,
                    .cols = 16,
                    .stride = 16,
                    .data = codes.data(),
                    .block_scales = scales.data()};
  OwnedMatrix x(16, 16), y(16, kScales), values(kScales, 16);
  std::fill(x.elements().begin(), x.elements().end(), 0.0f);
  for (size_t k = 0; k < 16; ++k) x.row(k)[k] = 1;
  DecodeRows(w, 0, values);
  MatMulHere(PackRows(pool, x, RowForm::kBf16Groups, GetParam()), w, y, GetParam());
  for (size_t k = 0; k < 16; ++k) {
    for (size_t n = 0; n < kScales; ++n) ASSERT_EQ(y.row(k)[n], values.row(n)[k]) << k << " " << n;
  }
}

TEST_P(MatMulOfPairs, NotFiniteNumbersShowAndSubnormalOnesAreZero) {
  std::mt19937 random(14);
  base::ThreadPool pool(1);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const Format format : {Format::kBf16, Format::kNvfp4}) {
    const Sample w(format, 9, 128, random);
    const auto multiply = [&](float others, float value) {
      OwnedMatrix x(1, 128), y(1, 9);
      std::fill(x.elements().begin(), x.elements().end(), others);
      x.row(0)[77] = value;
      MatMulHere(PackRows(pool, x, RowForm::kBf16Groups, GetParam()), w.weight, y, GetParam());
      return std::vector<float>(y.elements().begin(), y.elements().end());
    };
    for (const float value : {kInfinity, -kInfinity, std::nanf("")}) {
      for (const float result : multiply(1, value)) EXPECT_FALSE(std::isfinite(result)) << value;
    }
    for (const float result : multiply(0x1p-127f, 0x1p-130f)) EXPECT_EQ(result, 0.0f);
  }
}

std::vector<Isa> WithPairs() {
  std::vector<Isa> isas;
  for (const Isa isa : AvailableIsas()) {
    if (HasPairs(isa)) isas.push_back(isa);
  }
  return isas;
}

INSTANTIATE_TEST_SUITE_P(Isas, MatMulOfPairs, ::testing::ValuesIn(WithPairs()),
                         [](const auto& isa) { return std::string(IsaName(isa.param)); });

TEST(FormFor, DependsOnTypeRowsAndSet) {
  for (const Isa isa : AvailableIsas()) {
    const auto form = [&](Format format, ActivationType type, size_t rows) {
      return FormFor(format, type, rows, isa);
    };
    const RowForm many = isa == Isa::kAvx512Bf16 ? RowForm::kBf16Groups : RowForm::kInt16Groups;
    const RowForm one = isa == Isa::kAvx512Bf16 ? RowForm::kBf16Groups : RowForm::kPlain;
    EXPECT_EQ(form(Format::kNvfp4, ActivationType::kBf16, kFewRows), RowForm::kInt16);
    EXPECT_EQ(form(Format::kNvfp4, ActivationType::kBf16, kFewRows + 1), many);
    EXPECT_EQ(form(Format::kBf16, ActivationType::kBf16, 1), one);
    EXPECT_EQ(form(Format::kBf16, ActivationType::kF32, 1), RowForm::kPlain);
    EXPECT_EQ(form(Format::kE4m3, ActivationType::kBf16, 100), RowForm::kGroups);
    EXPECT_EQ(form(Format::kNvfp4, ActivationType::kInt8, 100), RowForm::kInt8Groups);
  }
}

TEST(MatMul, AllVectorSetsGiveTheSameBits) {
  std::mt19937 random(3);
  base::ThreadPool pool(1);
  const Sample w(Format::kNvfp4, 37, 1120, random);
  for (const RowForm form : {RowForm::kPlain, RowForm::kGroups, RowForm::kInt16, RowForm::kInt8,
                             RowForm::kInt16Groups, RowForm::kInt8Groups}) {
    const OwnedMatrix x = Uneven(9, 1120, random);
    std::vector<std::vector<float>> results;
    for (const Isa isa : AvailableIsas()) {
      if (isa == Isa::kScalar) continue;
      OwnedMatrix y(9, 37);
      MatMulHere(PackRows(pool, x, form, isa), w.weight, y, isa);
      results.emplace_back(y.elements().begin(), y.elements().end());
      EXPECT_EQ(results.back(), results.front());
    }
  }
}

template <typename T>
void ExpectSame(const T* one, const T* two, size_t count) {
  EXPECT_EQ(std::vector(one, one + count), std::vector(two, two + count));
}

// Every set packs the same bytes, so that rows packed by one could be read by another.
TEST_P(MatMulOnEveryIsa, PacksTheBytesOfTheDefinition) {
  std::mt19937 random(11);
  base::ThreadPool pool(1);
  for (const size_t cols : {7u, 128u, 400u}) {
    const OwnedMatrix x = Uneven(5, cols, random);
    for (const RowForm form : kIntForms) {
      const PackedRows one = PackRows(pool, x, form, GetParam());
      const PackedRows two = PackRows(pool, x, form, Isa::kScalar);
      ExpectSame(one.row_scales, two.row_scales, 5);
      const size_t digits = HasTwoDigits(form) ? 2 : 1;
      if (form == RowForm::kInt16Groups || form == RowForm::kInt8Groups) {
        const size_t blocks = 8 * ((cols + 127) / 128);
        if (digits == 1) ExpectSame(one.numbers, two.numbers, blocks * 128);
        if (digits == 2) ExpectSame(one.words, two.words, blocks * 128);
        ExpectSame(one.scales, two.scales, blocks * (digits == 2 ? 8 : 1));
        continue;
      }
      const size_t blocks = 5 * ((cols + 255) / 256 * 2);
      ExpectSame(one.digits, two.digits, blocks * 128 * digits);
      ExpectSame(one.corrections, two.corrections, blocks * 8);
      ExpectSame(one.scales, two.scales, blocks * 8);
    }
  }
}

TEST(MatMul, ThreadsAndStridedViewsChangeNothing) {
  std::mt19937 random(4);
  base::ThreadPool pool(3);
  const Sample w(Format::kBf16, 301, 96, random);
  const OwnedMatrix x = Random(5, 128, random);
  const tensor::ConstMatrix part = x.view().Cols(16, 96);
  OwnedMatrix y(5, 400), expected(5, 301);
  MatMul(pool, part, w.weight, y.view().Cols(50, 301));
  MatMulHere(part, w.weight, expected);
  for (size_t t = 0; t < 5; ++t) {
    for (size_t n = 0; n < 301; ++n) ASSERT_EQ(y.row(t)[50 + n], expected.row(t)[n]);
  }
}

TEST(DecodeRows, GivesTheFormatsDefinition) {
  std::mt19937 random(6);
  const Sample w(Format::kNvfp4, 5, 64, random);
  for (size_t n = 0; n < 5; ++n) {
    for (size_t k = 0; k < 64; ++k) {
      const auto code = static_cast<tensor::E2m1>(w.codes[(n * 64 + k) / 2] >> (k % 2 * 4));
      const float step = tensor::Nvfp4Step(w.scales[(n * 64 + k) / 16], w.weight.tensor_scale);
      ASSERT_EQ(w.values.row(n)[k], tensor::E2m1ToF32(code) * step);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, MatMulOnEveryIsa, ::testing::ValuesIn(AvailableIsas()),
                         [](const auto& isa) { return std::string(IsaName(isa.param)); });

}  // namespace
}  // namespace glimmer::kernels
