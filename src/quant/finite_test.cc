#include "quant/finite.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace glimmer::quant {
namespace {

// Names its tensors; nothing is read from it.
class NamedSource : public WeightSource {
 public:
  using WeightSource::WeightSource;
  base::Status ReadBytes(size_t, uint64_t, std::span<std::byte>) const override { return {}; }
  std::string Describe(size_t index) const override { return "file: " + spec(index).name; }
};

class FiniteTest : public ::testing::Test {
 protected:
  FiniteTest() : specs_(2), source_(specs_) {
    specs_[0].name = "matrix";
    specs_[0].dtype = tensor::DType::kBF16;
    specs_[0].shape = {64, 100};
    specs_[1].name = "vector";
    specs_[1].dtype = tensor::DType::kF32;
    specs_[1].shape = {6400};
  }

  std::vector<model::TensorSpec> specs_;
  NamedSource source_;
};

TEST_F(FiniteTest, EveryBf16PatternIsJudgedAsItsNumber) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    std::vector<tensor::Bf16> weights(70, tensor::F32ToBf16(1.5f));
    weights[bits % 70] = static_cast<tensor::Bf16>(bits);
    const bool finite = std::isfinite(tensor::Bf16ToF32(static_cast<tensor::Bf16>(bits)));
    const base::Status status = CheckFinite(source_, 0, 0, std::as_bytes(std::span(weights)));
    ASSERT_EQ(status.ok(), finite) << bits;
  }
}

TEST_F(FiniteTest, TheFirstOneIsNamedByItsPlace) {
  std::vector<tensor::Bf16> weights(100, 0);
  weights[40] = 0x7F80;
  weights[41] = 0x7FC0;
  const base::Status status = CheckFinite(source_, 0, 1200, std::as_bytes(std::span(weights)));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, base::ErrorKind::kCorrupt);
  EXPECT_EQ(status.error().message,
            "file: matrix: element [12, 40] is inf, expected finite weights");
}

TEST_F(FiniteTest, F32TensorsAreJudgedToo) {
  std::vector<float> values(100, std::numeric_limits<float>::max());
  EXPECT_TRUE(CheckFinite(source_, 1, 0, std::as_bytes(std::span(values))).ok());
  values[7] = -std::numeric_limits<float>::infinity();
  const base::Status status = CheckFinite(source_, 1, 100, std::as_bytes(std::span(values)));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "file: vector: element [107] is -inf, expected finite weights");
}

}  // namespace
}  // namespace glimmer::quant
