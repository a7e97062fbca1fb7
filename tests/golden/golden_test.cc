// Bytes that other software made (tests/golden/README.md) against ours.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "base/test_folder.h"
#include "golden/golden_files.h"
#include "io/checkpoint.h"
#include "kernels/nvfp4_pack.h"
#include "model/match.h"
#include "quant/convert.h"
#include "quant/export_modelopt.h"
#include "tensor/nvfp4.h"

namespace glimmer {
namespace {

using golden::kGolden;
using golden::Tensors;
using tensor::Bf16;

template <typename T>
std::vector<T> ReadTable(const std::string& path) {
  const std::string bytes = base::ReadTextFile(path, 10'000'000).value();
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

TEST(PackGoldens, ModeloptsBytes) {
  const Tensors golden(kGolden + "nvfp4_pack.safetensors");
  size_t cases = 0;
  for (const auto& [name, info] : golden.infos()) {
    if (!name.ends_with(".input")) continue;
    const std::string prefix = name.substr(0, name.size() - 6);
    SCOPED_TRACE(prefix);
    ++cases;
    const auto weights = golden.Read<Bf16>(name);
    const float scale = golden.Read<float>(prefix + ".weight_scale_2")[0];
    const float amax = tensor::Bf16ToF32(kernels::AbsMax(weights));
    if (prefix.starts_with("gpu_")) {
      EXPECT_EQ(tensor::Nvfp4TensorScale(amax, tensor::ScaleRule::kGpu), scale);
    } else if (!prefix.starts_with("pinned_")) {
      EXPECT_EQ(tensor::Nvfp4TensorScale(amax, tensor::ScaleRule::kCpu), scale);
    }
    std::vector<uint8_t> codes(weights.size() / 2), scales(weights.size() / 16);
    kernels::PackNvfp4(weights, scale, codes, scales);
    EXPECT_EQ(codes, golden.Read<uint8_t>(prefix + ".weight"));
    EXPECT_EQ(scales, golden.Read<uint8_t>(prefix + ".weight_scale"));
  }
  EXPECT_GE(cases, 100u);
}

// Where modelopt would write a scale of 0 and NaN block scales.
TEST(PackGoldens, AnAllZeroTensorIsHarmless) {
  const std::vector<Bf16> weights = {0, 0x8000, 0, 0, 0, 0, 0, 0, 0x8000, 0, 0, 0, 0, 0, 0, 0};
  const float scale = tensor::Nvfp4TensorScale(0, tensor::ScaleRule::kCpu);
  EXPECT_EQ(scale, 0x1p-126f);
  std::vector<uint8_t> codes(8, 0xFF), scales(1);
  kernels::PackNvfp4(weights, scale, codes, scales);
  EXPECT_EQ(codes, std::vector<uint8_t>(8, 0));
  EXPECT_EQ(scales[0], tensor::kE4m3One);
}

class ModelGoldens : public ::testing::TestWithParam<const char*> {
 protected:
  // Quantizes the golden's source with the recipe `nvfp4`, weights only.
  void Quantize(const std::string& name) {
    const std::string source_folder = kGolden + "models/" + name + "/source";
    const std::string config_text =
        base::ReadTextFile(source_folder + "/config.json", 1'000'000).value();
    const base::JsonValue json = base::ParseJson(config_text, "config.json").value();
    auto config = model::ParseConfig(json.get_object(), "config.json");
    ASSERT_TRUE(config.ok()) << config.error().message;
    const auto checkpoint = io::Checkpoint::Open(source_folder);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message;
    auto specs = model::MatchBf16(config.value(), checkpoint.value());
    ASSERT_TRUE(specs.ok()) << specs.error().message;
    const auto plan = quant::MakePlan(config.value(), specs.value(),
                                      quant::LoadRecipe("nvfp4").value(), {.weights_only = true});
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    const quant::CheckpointSource source(plan.value().specs, checkpoint.value());
    const auto companions =
        quant::QuantizedCompanions(plan.value(), config_text, source_folder).value();
    base::CancelFlag cancel;
    quant::Progress progress;
    const auto summary = quant::Convert(plan.value(), source, companions, out_, {}, {.workers = 2},
                                        cancel, progress);
    ASSERT_TRUE(summary.ok()) << summary.error().message;
  }

  base::TestFolder folder_;
  const std::string out_ = folder_ / "out";
};

TEST_P(ModelGoldens, EveryTensorHasModeloptsBytes) {
  Quantize(GetParam());
  const Tensors ours(out_ + "/model-00001-of-00001.safetensors");
  const Tensors theirs(kGolden + "models/" + GetParam() + "/modelopt/model.safetensors");
  size_t compared = 0;
  for (const auto& [name, info] : theirs.infos()) {
    if (name.ends_with(".input_scale")) {
      EXPECT_FALSE(ours.Has(name)) << name;  // weights only
      continue;
    }
    ASSERT_TRUE(ours.Has(name)) << name;
    EXPECT_EQ(ours.infos().at(name).dtype, info.dtype) << name;
    EXPECT_EQ(ours.infos().at(name).shape, info.shape) << name;
    EXPECT_EQ(ours.Read<uint8_t>(name), theirs.Read<uint8_t>(name)) << name;
    ++compared;
  }
  EXPECT_EQ(compared, ours.infos().size());
}

INSTANTIATE_TEST_SUITE_P(Goldens, ModelGoldens, ::testing::Values("basic", "groups", "shared"),
                         [](const auto& name) { return std::string(name.param); });

// The order of keys, which Boost.JSON's operator== does not look at.
std::vector<std::string> Keys(const base::JsonObject& object) {
  std::vector<std::string> keys;
  for (const auto& member : object) keys.emplace_back(member.key());
  return keys;
}

using LayoutGoldens = ModelGoldens;

TEST_F(LayoutGoldens, ConfigurationIsModeloptsW4a16) {
  Quantize("basic");
  const std::string theirs_folder = kGolden + "models/basic/modelopt_w4a16/";
  for (const char* name : {"config.json", "hf_quant_config.json"}) {
    SCOPED_TRACE(name);
    const auto ours = base::ReadJsonObject(out_ + "/" + name, 1'000'000).value();
    const auto theirs = base::ReadJsonObject(theirs_folder + name, 1'000'000).value();
    const bool flat = std::string(name) == "config.json";
    const char* section = flat ? "quantization_config" : "quantization";
    const auto& a = ours.at(section).get_object();
    const auto& b = theirs.at(section).get_object();
    EXPECT_EQ(a.at("quant_algo"), b.at("quant_algo"));
    EXPECT_EQ(a.at("quant_algo"), "W4A16_NVFP4");
    if (flat) {
      EXPECT_EQ(base::DumpJson(a.at("config_groups"), 0), base::DumpJson(b.at("config_groups"), 0));
      EXPECT_EQ(a.at("quant_method"), b.at("quant_method"));
      EXPECT_EQ(Keys(a), (std::vector<std::string>{"config_groups", "ignore", "quant_algo",
                                                   "kv_cache_scheme", "producer", "quant_method"}));
    } else {
      EXPECT_EQ(Keys(a), Keys(b));
      EXPECT_EQ(Keys(ours), Keys(theirs));
      EXPECT_EQ(ours.at("producer").get_object().at("name"), "modelopt");
    }
  }
  const std::string text = base::ReadTextFile(out_ + "/hf_quant_config.json", 1'000'000).value();
  EXPECT_TRUE(text.starts_with("{\n    \"producer\": {\n        \"name\": \"modelopt\""));
  EXPECT_TRUE(text.ends_with("\n}"));
}

TEST_F(LayoutGoldens, TensorNamesAreModeloptsW4a16) {
  Quantize("basic");
  const Tensors ours(out_ + "/model-00001-of-00001.safetensors");
  const std::string path = kGolden + "models/basic/modelopt_w4a16/tensor_names.json";
  const auto names = base::ParseJson(base::ReadTextFile(path, 1'000'000).value(), "names").value();
  std::set<std::string> theirs, mine;
  for (const auto& name : names.get_array()) theirs.emplace(name.get_string());
  for (const auto& [name, info] : ours.infos()) mine.insert(name);
  EXPECT_EQ(mine, theirs);
}

TEST_F(LayoutGoldens, TheSourceConfigIsKeptToTheByte) {
  Quantize("basic");
  const std::string source =
      base::ReadTextFile(kGolden + "models/basic/source/config.json", 1'000'000).value();
  const std::string ours = base::ReadTextFile(out_ + "/config.json", 1'000'000).value();
  const size_t end = source.find_last_not_of(" \n}") + 1;
  EXPECT_EQ(ours.substr(0, end), source.substr(0, end));
  EXPECT_EQ(ours.substr(end, 2), ",\n");
}

// CUDA's conversions on the host. E2M1 differs from modelopt's rule for -0.0 alone.
TEST(CudaGoldens, E2m1) {
  const auto table = ReadTable<uint8_t>(kGolden + "cuda/bf16_to_e2m1.bin");
  ASSERT_EQ(table.size(), 65536u);
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const uint8_t ours = tensor::F32ToE2m1(tensor::Bf16ToF32(static_cast<Bf16>(bits)));
    EXPECT_EQ(ours, bits == 0x8000 ? 0 : table[bits]) << bits;
  }
  const auto values = ReadTable<float>(kGolden + "cuda/e2m1_to_f32.bin");
  for (uint8_t code = 0; code < 16; ++code) {
    EXPECT_EQ(std::bit_cast<uint32_t>(tensor::E2m1ToF32(code)),
              std::bit_cast<uint32_t>(values[code]));
  }
}

TEST(CudaGoldens, E4m3) {
  const auto table = ReadTable<uint8_t>(kGolden + "cuda/bf16_to_e4m3_satfinite.bin");
  ASSERT_EQ(table.size(), 65536u);
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = tensor::Bf16ToF32(static_cast<Bf16>(bits));
    const uint8_t ours = tensor::F32ToE4m3Saturating(value);
    if (std::isnan(value)) {
      EXPECT_EQ(ours & 0x7F, table[bits] & 0x7F) << bits;  // CUDA drops a NaN's sign
    } else {
      EXPECT_EQ(ours, table[bits]) << bits;
    }
  }
  const auto values = ReadTable<float>(kGolden + "cuda/e4m3_to_f32.bin");
  for (uint32_t code = 0; code < 256; ++code) {
    const float ours = tensor::E4m3ToF32(static_cast<uint8_t>(code));
    if (std::isnan(values[code])) {
      EXPECT_TRUE(std::isnan(ours)) << code;
    } else {
      EXPECT_EQ(std::bit_cast<uint32_t>(ours), std::bit_cast<uint32_t>(values[code])) << code;
    }
  }
}

struct ConversionCase {
  float input;
  uint8_t code;
  uint8_t zeros[3];
};

TEST(CudaGoldens, TiesAndTheirNeighboursInF32) {
  for (const auto& c : ReadTable<ConversionCase>(kGolden + "cuda/f32_to_e4m3_cases.bin")) {
    if (!std::isnan(c.input)) {
      EXPECT_EQ(tensor::F32ToE4m3Saturating(c.input), c.code) << c.input;
    }
  }
  for (const auto& c : ReadTable<ConversionCase>(kGolden + "cuda/f32_to_e2m1_cases.bin")) {
    const bool minus_zero = std::bit_cast<uint32_t>(c.input) == 0x80000000;
    EXPECT_EQ(tensor::F32ToE2m1(c.input), minus_zero ? 0 : c.code) << c.input;
  }
}

}  // namespace
}  // namespace glimmer
