#include "model/lm_head.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "model/forward.h"
#include "model/loaded_checkpoint.h"
#include "model/mtp.h"
#include "tensor/nvfp4.h"

namespace glimmer::model {
namespace {

using kernels::Format;
using tensor::Bf16;
using tensor::Bf16ToF32;
using tensor::F32ToBf16;
using tensor::OwnedMatrix;
using tensor::PackError;

const std::string kForward = std::string(GLIMMER_SOURCE_DIR) + "/tests/golden/forward/";

// More rows than one job takes, and not a whole number of its parts.
constexpr size_t kRows = 600, kCols = 48;

// Rows of very different size; one of zeros.
std::vector<Bf16> UnevenMatrix() {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<Bf16> matrix(kRows * kCols);
  for (size_t i = 0; i < matrix.size(); ++i) {
    const size_t row = i / kCols;
    const float size = row == 300 ? 0.0f : std::ldexp(1.0f, static_cast<int>(row % 12) - 6);
    matrix[i] = F32ToBf16(size * normal(random));
  }
  return matrix;
}

Weights WithHead(const std::vector<Bf16>& matrix, size_t cols = kCols) {
  Weights weights;
  weights.lm_head = {.format = Format::kBf16,
                     .rows = matrix.size() / cols,
                     .cols = cols,
                     .stride = cols,
                     .data = matrix.data(),
                     .id = 7};
  return weights;
}

std::vector<float> Decoded(const Weight& w) {
  OwnedMatrix rows(w.rows, w.cols);
  DecodeRows(w, 0, rows);
  return {rows.elements().begin(), rows.elements().end()};
}

PackError ErrorBetween(const std::vector<Bf16>& matrix, const std::vector<float>& values) {
  PackError error;
  for (size_t i = 0; i < matrix.size(); ++i) {
    const double w = Bf16ToF32(matrix[i]), lost = w - values[i];
    error += {lost * lost, w * w};
  }
  return error;
}

// The bytes of the format's definition, block by block, on plain loops.
std::vector<float> Nvfp4Definition(const std::vector<Bf16>& matrix) {
  float amax = 0;
  for (const Bf16 w : matrix) amax = std::max(amax, std::abs(Bf16ToF32(w)));
  const float scale = tensor::Nvfp4TensorScale(amax, tensor::ScaleRule::kCpu);
  std::vector<float> values(matrix.size());
  for (size_t i = 0; i < matrix.size(); i += 16) {
    uint8_t codes[8];
    const tensor::E4m3 block_scale =
        tensor::Nvfp4PackBlock(std::span<const Bf16, 16>(matrix.data() + i, 16), scale, codes);
    tensor::Nvfp4UnpackBlock(codes, block_scale, scale, std::span<float, 16>(&values[i], 16));
  }
  return values;
}

std::vector<float> E4m3Definition(const std::vector<Bf16>& matrix) {
  std::vector<float> values(matrix.size());
  for (size_t row = 0; row < kRows; ++row) {
    const std::span<const Bf16> from = std::span(matrix).subspan(row * kCols, kCols);
    float amax = 0;
    for (const Bf16 w : from) amax = std::max(amax, std::abs(Bf16ToF32(w)));
    const float scale = std::max(amax / 448.0f, 0x1p-126f);
    for (size_t k = 0; k < kCols; ++k) {
      const tensor::E4m3 code = tensor::F32ToE4m3Saturating(Bf16ToF32(from[k]) / scale);
      values[row * kCols + k] = tensor::E4m3ToF32(code) * scale;
    }
  }
  return values;
}

class Packing : public ::testing::TestWithParam<LmHead> {};

TEST_P(Packing, EveryRowIsTheDefinitionWhateverTheThreads) {
  const std::vector<Bf16> matrix = UnevenMatrix();
  const bool nvfp4 = GetParam() == LmHead::kNvfp4;
  const std::vector<float> expected = nvfp4 ? Nvfp4Definition(matrix) : E4m3Definition(matrix);
  std::optional<PackError> first;
  for (const size_t threads : {1, 3}) {
    Weights weights = WithHead(matrix);
    const auto error = PackLmHead(GetParam(), threads, weights);
    ASSERT_TRUE(error.ok()) << error.error().message;
    EXPECT_EQ(weights.lm_head.format, nvfp4 ? Format::kNvfp4 : Format::kE4m3);
    EXPECT_EQ(weights.lm_head.id, 7u);
    EXPECT_EQ(Decoded(weights.lm_head), expected) << threads;
    // Differences are rounded to F32 before they are squared; sums of 28,800 doubles.
    const PackError exact = ErrorBetween(matrix, expected);
    EXPECT_NEAR(error.value()->squared_error, exact.squared_error, 1e-6 * exact.squared_error);
    EXPECT_NEAR(error.value()->squared_weights, exact.squared_weights,
                1e-11 * exact.squared_weights);
    EXPECT_EQ(*error.value(), first.value_or(*error.value()));
    first = *error.value();
  }
}

// The logits of a model are the products with the decoded matrix, within what F32 sums may lose
// (kernels/matmul.h), in every instruction set that GLIMMER_ISA names.
TEST_P(Packing, LogitsAreThoseOfThePackedMatrix) {
  const auto checkpoint = LoadCheckpoint(kForward + "mtp");
  ASSERT_TRUE(checkpoint.ok());
  const auto model =
      LoadModel(checkpoint.value(), {.activations = Activations::kF32, .lm_head = GetParam()}, 2);
  ASSERT_TRUE(model.ok()) << model.error().message;
  const auto plain = LoadModel(checkpoint.value(), {.activations = Activations::kF32});
  EXPECT_GT(model.value().lm_head_error->relative_rms(), 0.0);
  EXPECT_FALSE(plain.value().lm_head_error);
  EXPECT_EQ(Decoded(model.value().weights.embed_tokens),
            Decoded(plain.value().weights.embed_tokens));

  base::ThreadPool pool(2);
  Sequence sequence(model.value());
  const std::vector<int32_t> ids = {5, 80, 3, 3, 17, 90, 0};
  const Continuation next = {&sequence, ids};
  const auto hidden = Forward(model.value(), pool, {&next, 1});
  ASSERT_TRUE(hidden.ok());
  const auto drafted = ForwardMtp(model.value(), pool, 0, next, hidden.value());
  ASSERT_TRUE(drafted.ok());
  const Weight& head = model.value().weights.lm_head;
  const std::vector<float> w = Decoded(head);
  for (const OwnedMatrix* rows : {&hidden.value(), &drafted.value()}) {
    const OwnedMatrix logits = Logits(model.value(), pool, *rows);
    for (size_t t = 0; t < ids.size(); ++t) {
      for (size_t n = 0; n < head.rows; ++n) {
        double sum = 0, magnitude = 0;
        for (size_t k = 0; k < head.cols; ++k) {
          const double product = double{rows->row(t)[k]} * w[n * head.cols + k];
          sum += product;
          magnitude += std::abs(product);
        }
        // One rounding of the decoded weight each comes on top, on either side.
        const double terms = static_cast<double>(head.cols) / 8 + 16 + 2;
        ASSERT_NEAR(logits.row(t)[n], sum, terms * 0x1p-24 * magnitude) << t << " " << n;
      }
    }
  }
}

TEST_P(Packing, NumbersThatAreNotFiniteAreRefused) {
  std::vector<Bf16> matrix = UnevenMatrix();
  matrix[500 * kCols + 3] = F32ToBf16(std::numeric_limits<float>::quiet_NaN());
  Weights weights = WithHead(matrix);
  const auto error = PackLmHead(GetParam(), 2, weights);
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.error().kind, base::ErrorKind::kCorrupt);
  EXPECT_EQ(weights.lm_head.data, matrix.data());
}

TEST_P(Packing, AnF32HeadIsRefused) {
  const std::vector<Bf16> matrix = UnevenMatrix();
  Weights weights = WithHead(matrix);
  weights.lm_head.format = Format::kF32;
  const auto error = PackLmHead(GetParam(), 1, weights);
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.error().kind, base::ErrorKind::kUnsupported);
}

INSTANTIATE_TEST_SUITE_P(LmHead, Packing, ::testing::Values(LmHead::kNvfp4, LmHead::kFp8),
                         [](const auto& as) {
                           return as.param == LmHead::kNvfp4 ? "nvfp4" : "fp8";
                         });

TEST(PackLmHead, LeavesTheHeadAloneWhereNothingIsAsked) {
  const std::vector<Bf16> matrix = UnevenMatrix();
  Weights weights = WithHead(matrix);
  EXPECT_FALSE(PackLmHead(LmHead::kAsStored, 1, weights).value());
  EXPECT_EQ(weights.lm_head.data, matrix.data());
  EXPECT_TRUE(weights.copies.empty());
}

TEST(PackLmHead, AnNvfp4HeadStaysAndDoesNotBecomeFp8) {
  const std::vector<Bf16> matrix = UnevenMatrix();
  Weights weights = WithHead(matrix);
  ASSERT_TRUE(PackLmHead(LmHead::kNvfp4, 1, weights).ok());
  const void* packed = weights.lm_head.data;
  EXPECT_FALSE(PackLmHead(LmHead::kNvfp4, 1, weights).value());
  EXPECT_EQ(weights.lm_head.data, packed);
  const auto error = PackLmHead(LmHead::kFp8, 1, weights);
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.error().kind, base::ErrorKind::kInvalid);
}

TEST(PackLmHead, RowsThatAreNoWholeBlocksCanBeFp8Alone) {
  const std::vector<Bf16> matrix(10 * 24, F32ToBf16(448));
  Weights weights = WithHead(matrix, 24);
  const auto error = PackLmHead(LmHead::kNvfp4, 1, weights);
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.error().message,
            "lm_head has rows of 24 numbers: NVFP4 needs whole blocks of 16");
  EXPECT_TRUE(PackLmHead(LmHead::kFp8, 1, weights).ok());
  EXPECT_EQ(Decoded(weights.lm_head), std::vector<float>(240, 448.0f));
}

}  // namespace
}  // namespace glimmer::model
