// Dequantizing against the definition in tensor/nvfp4.h, in pieces and as a whole, and parts as
// they are stored.
#include "quant/packed_source.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tensor/nvfp4.h"

namespace glimmer::quant {
namespace {

using tensor::Bf16;
using tensor::kNvfp4Block;

class GoldenExport : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = io::Checkpoint::Open(GLIMMER_SOURCE_DIR "/tests/golden/models/basic/modelopt");
    ASSERT_TRUE(opened.ok());
    checkpoint_ = std::move(opened).value();
    model::TensorSpec packed, plain;
    packed.name = "model.layers.1.self_attn.kv_b_proj.weight";
    packed.kind = model::ModuleKind::kKvBProj;
    const tensor::Shape stored = checkpoint_.Find(packed.name).info->shape;
    packed.shape = {stored[0], 2 * stored[1]};
    plain.name = "model.embed_tokens.weight";
    plain.shape = checkpoint_.Find(plain.name).info->shape;
    specs_ = {packed, plain};
  }

  template <typename T>
  std::vector<T> Part(const PackedSource& source, model::Part part, size_t count) const {
    std::vector<T> values(count);
    EXPECT_TRUE(source.ReadPart(0, part, 0, std::as_writable_bytes(std::span(values))).ok());
    return values;
  }

  io::Checkpoint checkpoint_;
  std::vector<model::TensorSpec> specs_;
};

TEST_F(GoldenExport, GivesTheValuesOfTheDefinition) {
  const PackedSource source(specs_, checkpoint_);
  ASSERT_TRUE(source.IsPacked(0));
  EXPECT_FALSE(source.IsPacked(1));
  const size_t elements = *tensor::ElementCount(specs_[0].shape);
  const auto codes = Part<uint8_t>(source, model::Part::kWeight, elements / 2);
  const auto scales = Part<uint8_t>(source, model::Part::kWeightScale, elements / kNvfp4Block);
  const float scale = Part<float>(source, model::Part::kWeightScale2, 1)[0];
  std::vector<Bf16> expected;
  for (size_t i = 0; i < elements; ++i) {
    const uint8_t code = i % 2 == 0 ? codes[i / 2] & 0xF : codes[i / 2] >> 4;
    expected.push_back(tensor::F32ToBf16(tensor::E2m1ToF32(code) *
                                         (tensor::E4m3ToF32(scales[i / kNvfp4Block]) * scale)));
  }
  std::vector<Bf16> whole(elements), pieces(elements);
  ASSERT_TRUE(source.ReadBytes(0, 0, std::as_writable_bytes(std::span(whole))).ok());
  EXPECT_EQ(whole, expected);
  for (size_t first = 0; first < elements; first += 3 * kNvfp4Block) {
    const size_t count = std::min(3 * kNvfp4Block, elements - first);
    const auto piece = std::span(pieces).subspan(first, count);
    ASSERT_TRUE(source.ReadBytes(0, first * sizeof(Bf16), std::as_writable_bytes(piece)).ok());
  }
  EXPECT_EQ(pieces, expected);
}

TEST_F(GoldenExport, GivesOtherTensorsAsTheyAre) {
  const PackedSource source(specs_, checkpoint_);
  std::vector<std::byte> ours(64), theirs(64);
  ASSERT_TRUE(source.ReadBytes(1, 32, ours).ok());
  ASSERT_TRUE(io::Checkpoint::Read(checkpoint_.Find(specs_[1].name), 32, theirs).ok());
  EXPECT_EQ(ours, theirs);
}

}  // namespace
}  // namespace glimmer::quant
