#include "kernels/head_products.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "kernels/attention_table.h"
#include "kernels/matmul.h"
#include "kernels/nvfp4_pack.h"
#include "tensor/fp8.h"
#include "tensor/nvfp4.h"

namespace glimmer::kernels {
namespace {

using tensor::OwnedMatrix;

class HeadProductsOnEveryIsa : public ::testing::TestWithParam<Isa> {};

OwnedMatrix Random(size_t rows, size_t cols, std::mt19937& random) {
  std::normal_distribution<float> normal;
  OwnedMatrix matrix(rows, cols);
  for (float& x : matrix.elements()) x = normal(random);
  return matrix;
}

// A random weight in one of the formats, with its values.
struct Sample {
  Sample(Format format, size_t rows, size_t cols, std::mt19937& random)
      : values(Random(rows, cols, random)), codes(rows * cols / 2), scales(rows * cols / 16) {
    for (const float x : values.elements()) bf16.push_back(tensor::F32ToBf16(x));
    weight = {.format = format, .rows = rows, .cols = cols, .stride = cols};
    weight.data = values.row(0);
    if (format == Format::kBf16) weight.data = bf16.data();
    if (format == Format::kNvfp4) {
      weight.tensor_scale = tensor::Nvfp4TensorScale(4.0f, tensor::ScaleRule::kCpu);
      PackNvfp4(bf16, weight.tensor_scale, codes, scales);
      weight.data = codes.data();
      weight.block_scales = scales.data();
    }
    DecodeRows(weight, 0, values);
  }

  OwnedMatrix values;
  std::vector<tensor::Bf16> bf16;
  std::vector<uint8_t> codes, scales;
  Weight weight;
};

// Calls test(format, cols) for shapes with and without whole vectors.
template <class Test>
void ForEachShape(Test test) {
  for (const Format format : {Format::kF32, Format::kBf16, Format::kNvfp4}) {
    for (const size_t cols : {16u, 48u, 512u, 208u, 7u, 100u}) {
      if (format != Format::kNvfp4 || cols % 16 == 0) test(format, cols);
    }
  }
}

TEST_P(HeadProductsOnEveryIsa, SumOfRowsIsTheProduct) {
  std::mt19937 random(1);
  ForEachShape([&](Format format, size_t cols) {
    const Sample w(format, 1 + random() % 40, cols, random);
    for (const size_t rows : {1u, 2u, 6u, 13u}) {
      const OwnedMatrix x = Random(rows, w.weight.rows, random), y(rows, cols);
      SumOfRowsOn(GetParam(), x, ActivationType::kF32, w.weight, y);
      for (size_t t = 0; t < rows; ++t) {
        for (size_t k = 0; k < cols; ++k) {
          double sum = 0, magnitude = 0;
          for (size_t n = 0; n < w.weight.rows; ++n) {
            sum += double{x.row(t)[n]} * w.values.row(n)[k];
            magnitude += std::abs(double{x.row(t)[n]} * w.values.row(n)[k]);
          }
          const double steps = static_cast<double>(w.weight.rows + 3);
          ASSERT_NEAR(y.row(t)[k], sum, steps * 0x1p-24 * magnitude);
        }
      }
    }
  });
}

// In whole numbers, where there are any: the bound of head_products.h.
TEST_P(HeadProductsOnEveryIsa, SumOfRowsInWholeNumbersIsTheProduct) {
  std::mt19937 random(5);
  for (const size_t cols : {128u, 512u, 384u, 64u}) {
    for (const size_t count : {1u, 2u, 7u, 8u, 9u, 192u}) {
      const Sample w(Format::kNvfp4, count, cols, random);
      const OwnedMatrix x = Random(3, count, random), y(3, cols);
      SumOfRowsOn(GetParam(), x, ActivationType::kBf16, w.weight, y);
      for (size_t t = 0; t < 3; ++t) {
        for (size_t k = 0; k < cols; ++k) {
          double sum = 0, magnitude = 0, codes = 0, largest = 0;
          for (size_t n = 0; n < count; ++n) {
            const double scale =
                double{tensor::E4m3ToF32(w.scales[(n * cols + k) / 16])} * w.weight.tensor_scale;
            const double product = double{x.row(t)[n]} * w.values.row(n)[k];
            sum += product;
            magnitude += std::abs(product);
            codes += scale > 0 ? std::abs(w.values.row(n)[k]) / scale : 0;
            largest = std::max(largest, std::abs(x.row(t)[n] * scale));
          }
          const double rounding =
              static_cast<double>(count + 3) * 0x1p-24 * magnitude;  // where words are not taken
          const bool has_words = GetParam() != Isa::kScalar && cols % 128 == 0;
          ASSERT_NEAR(y.row(t)[k], sum,
                      has_words ? 0x1p-15 * (1 + 0x1p-6) * codes * largest : rounding)
              << count << " " << k;
        }
      }
    }
  }
}

TEST_P(HeadProductsOnEveryIsa, WholeNumbersOfExtremes) {
  std::mt19937 random(6);
  Sample w(Format::kNvfp4, 25, 256, random);
  for (size_t n = 0; n < 25; ++n) w.scales[n * 16 + 3] = 0;  // a block of columns
  const OwnedMatrix x = Random(6, 25, random), y(6, 256), alone(1, 256);
  SumOfRowsOn(GetParam(), x, ActivationType::kBf16, w.weight, y);
  for (size_t t = 0; t < 6; ++t) {
    SumOfRowsOn(GetParam(), x.view().Rows(t, 1), ActivationType::kBf16, w.weight, alone);
    for (size_t k = 0; k < 256; ++k) ASSERT_EQ(y.row(t)[k], alone.row(0)[k]);
    for (size_t k = 48; k < 64; ++k) EXPECT_EQ(y.row(t)[k], 0);
  }
  x.row(2)[7] = std::numeric_limits<float>::infinity();
  SumOfRowsOn(GetParam(), x, ActivationType::kBf16, w.weight, y);
  for (size_t t = 0; t < 6; ++t) EXPECT_EQ(std::isfinite(y.row(t)[0]), t != 2);
}

// More rows of x or of W than whole numbers take.
TEST_P(HeadProductsOnEveryIsa, ManyRowsAreTakenInF32) {
  std::mt19937 random(7);
  for (const auto& [rows, count] :
       {std::pair<size_t, size_t>{kFewRows + 1, 20}, {1, kMaxWordRows + 1}}) {
    const Sample w(Format::kNvfp4, count, 128, random);
    const OwnedMatrix x = Random(rows, count, random), y(rows, 128), expected(rows, 128);
    SumOfRowsOn(GetParam(), x, ActivationType::kBf16, w.weight, y);
    SumOfRowsOn(GetParam(), x, ActivationType::kF32, w.weight, expected);
    for (size_t i = 0; i < y.elements().size(); ++i) {
      ASSERT_EQ(y.elements()[i], expected.elements()[i]);
    }
  }
}

// Few rows are those of a product of linears.
TEST_P(HeadProductsOnEveryIsa, DotRowsTakesFewRowsInFixedPoint) {
  std::mt19937 random(8);
  const Sample w(Format::kNvfp4, 21, 256, random);
  const OwnedMatrix x = Random(3, 256, random), y(3, 21), expected(3, 21);
  DotRowsOn(GetParam(), x, ActivationType::kBf16, w.weight, y);
  MatMulHere(x, ActivationType::kBf16, w.weight, expected, GetParam());
  for (size_t i = 0; i < y.elements().size(); ++i) {
    ASSERT_EQ(y.elements()[i], expected.elements()[i]);
  }
}

TEST_P(HeadProductsOnEveryIsa, DotRowsIsTheProduct) {
  std::mt19937 random(2);
  ForEachShape([&](Format format, size_t cols) {
    const Sample w(format, 1 + random() % 20, cols, random);
    for (const size_t rows : {1u, 2u, 4u, 9u}) {
      const OwnedMatrix x = Random(rows, cols, random), y(rows, w.weight.rows);
      DotRowsOn(GetParam(), x, ActivationType::kF32, w.weight, y);
      for (size_t t = 0; t < rows; ++t) {
        for (size_t n = 0; n < w.weight.rows; ++n) {
          double sum = 0, magnitude = 0;
          for (size_t k = 0; k < cols; ++k) {
            sum += double{x.row(t)[k]} * w.values.row(n)[k];
            magnitude += std::abs(double{x.row(t)[k]} * w.values.row(n)[k]);
          }
          const double steps = static_cast<double>(cols) / 16 + 36;
          ASSERT_NEAR(y.row(t)[n], sum, steps * 0x1p-24 * magnitude);
        }
      }
    }
  });
}

TEST_P(HeadProductsOnEveryIsa, ARowDoesNotDependOnItsBatch) {
  std::mt19937 random(3);
  ForEachShape([&](Format format, size_t cols) {
    const Sample w(format, 25, cols, random);
    const OwnedMatrix x = Random(15, 25, random), z = Random(15, cols, random);
    const OwnedMatrix sums(15, cols), sum(1, cols), dots(15, 25), dot(1, 25);
    SumOfRowsOn(GetParam(), x, ActivationType::kF32, w.weight, sums);
    DotRowsOn(GetParam(), z, ActivationType::kF32, w.weight, dots);
    for (size_t t = 0; t < 15; ++t) {
      SumOfRowsOn(GetParam(), x.view().Rows(t, 1), ActivationType::kF32, w.weight, sum);
      DotRowsOn(GetParam(), z.view().Rows(t, 1), ActivationType::kF32, w.weight, dot);
      for (size_t k = 0; k < cols; ++k) ASSERT_EQ(sums.row(t)[k], sum.row(0)[k]);
      for (size_t n = 0; n < 25; ++n) ASSERT_EQ(dots.row(t)[n], dot.row(0)[n]);
    }
  });
}

TEST_P(HeadProductsOnEveryIsa, NotFiniteScalesShow) {
  std::mt19937 random(4);
  for (const auto& [rows, type] : {std::pair<size_t, ActivationType>{1, ActivationType::kF32},
                                   {1, ActivationType::kBf16},
                                   {7, ActivationType::kF32}}) {
    Sample w(Format::kNvfp4, 5, 128, random);
    w.scales[3 * (128 / 16) + 6] = 0x7F;
    const OwnedMatrix x = Random(rows, 5, random), sums(rows, 128);
    const OwnedMatrix z = Random(rows, 128, random), dots(rows, 5);
    SumOfRowsOn(GetParam(), x, type, w.weight, sums);
    DotRowsOn(GetParam(), z, ActivationType::kF32, w.weight, dots);
    for (size_t k = 0; k < 128; ++k) EXPECT_EQ(std::isfinite(sums.row(0)[k]), k / 16 != 6);
    for (size_t n = 0; n < 5; ++n) EXPECT_EQ(std::isfinite(dots.row(0)[n]), n != 3);
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, HeadProductsOnEveryIsa, ::testing::ValuesIn(AvailableIsas()),
                         [](const auto& isa) { return std::string(IsaName(isa.param)); });

}  // namespace
}  // namespace glimmer::kernels
