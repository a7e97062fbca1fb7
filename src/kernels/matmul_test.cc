#include "kernels/matmul.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

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
    }
    DecodeRows(weight, 0, values);
  }

  OwnedMatrix values;  // what the weight means
  std::vector<Bf16> bf16;
  std::vector<uint8_t> codes, scales;
  Weight weight;
};

// Against sums in double. The bound: F32 rounding of each product, each addition and the scale,
// relative to the sum of magnitudes; 18 additions beside the K / 16 of a lane.
void ExpectProduct(tensor::ConstMatrix x, const Sample& w, tensor::ConstMatrix y) {
  for (size_t t = 0; t < x.rows; ++t) {
    for (size_t n = 0; n < w.weight.rows; ++n) {
      double sum = 0, magnitude = 0;
      for (size_t k = 0; k < x.cols; ++k) {
        const double product = double{x.row(t)[k]} * w.values.row(n)[k];
        sum += product;
        magnitude += std::abs(product);
      }
      const double bound = (static_cast<double>(x.cols) / 16 + 36) * 0x1p-24 * magnitude;
      ASSERT_NEAR(y.row(t)[n], sum, bound) << "row " << t << " column " << n;
    }
  }
}

TEST_P(MatMulOnEveryIsa, IsTheProduct) {
  std::mt19937 random(1);
  for (const Format format : {Format::kF32, Format::kBf16, Format::kNvfp4}) {
    for (const size_t cols : {16u, 48u, 1024u, 1040u, 2304u, 7u, 100u, 1025u}) {
      if (format == Format::kNvfp4 && cols % 16 != 0) continue;
      const Sample w(format, 1 + random() % 20, cols, random);
      for (const size_t rows : {1u, 2u, 3u, 4u, 50u}) {
        const OwnedMatrix x = Random(rows, cols, random);
        OwnedMatrix y(rows, w.weight.rows);
        MatMulHereOn(GetParam(), x, w.weight, y);
        ExpectProduct(x, w, y);
      }
    }
  }
}

// The promise of the header: a row's result does not depend on the rows beside it.
TEST_P(MatMulOnEveryIsa, ARowDoesNotDependOnItsBatch) {
  std::mt19937 random(2);
  for (const Format format : {Format::kF32, Format::kBf16, Format::kNvfp4}) {
    const Sample w(format, 31, 2064, random);
    const OwnedMatrix x = Random(53, 2064, random);
    OwnedMatrix together(53, 31), alone(1, 31);
    MatMulHereOn(GetParam(), x, w.weight, together);
    for (size_t t = 0; t < x.rows(); ++t) {
      MatMulHereOn(GetParam(), x.view().Rows(t, 1), w.weight, alone);
      for (size_t n = 0; n < 31; ++n) ASSERT_EQ(together.row(t)[n], alone.row(0)[n]);
    }
  }
}

TEST(MatMul, AllVectorSetsGiveTheSameBits) {
  std::mt19937 random(3);
  const Sample w(Format::kNvfp4, 37, 1120, random);
  const OwnedMatrix x = Random(9, 1120, random);
  std::vector<std::vector<float>> results;
  for (const Isa isa : AvailableIsas()) {
    if (isa == Isa::kScalar) continue;
    OwnedMatrix y(9, 37);
    MatMulHereOn(isa, x, w.weight, y);
    results.emplace_back(y.elements().begin(), y.elements().end());
    EXPECT_EQ(results.back(), results.front());
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

TEST_P(MatMulOnEveryIsa, WeightedSumIsTheSum) {
  std::mt19937 random(5);
  for (const size_t cols : {1u, 16u, 40u, 67u}) {
    for (const size_t rows : {1u, 4u, 7u}) {
      const OwnedMatrix p = Random(rows, 33, random), values = Random(33, cols, random);
      OwnedMatrix y(rows, cols);
      WeightedSumOn(GetParam(), p, values, y);
      for (size_t t = 0; t < rows; ++t) {
        for (size_t d = 0; d < cols; ++d) {
          double sum = 0, magnitude = 0;
          for (size_t s = 0; s < 33; ++s) {
            sum += double{p.row(t)[s]} * values.row(s)[d];
            magnitude += std::abs(double{p.row(t)[s]} * values.row(s)[d]);
          }
          ASSERT_NEAR(y.row(t)[d], sum, 34 * 0x1p-24 * magnitude);
        }
      }
    }
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
