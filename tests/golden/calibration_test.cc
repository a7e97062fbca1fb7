// Input scales against modelopt's (tests/golden/README.md#models).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "golden/golden_files.h"
#include "quant/calibrate.h"
#include "quant/input_amax.h"
#include "tensor/nvfp4.h"

namespace glimmer {
namespace {

using golden::kGolden;
using golden::Tensors;
using model::Activations;

class CalibrationGoldens : public ::testing::TestWithParam<const char*> {
 protected:
  // input_scale of every linear, by tensor name, with one scale for each layer's experts.
  std::map<std::string, float> Scales(Activations activations, size_t batch_tokens) {
    const std::string folder = kGolden + "models/" + GetParam();
    const auto checkpoint = model::LoadCheckpoint(folder + "/source");
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.error().message;
    const auto model =
        model::LoadModel(checkpoint.value(), {.activations = activations, .latent_norm_eps = 1e-6});
    EXPECT_TRUE(model.ok()) << model.error().message;
    std::vector<std::vector<int32_t>> sequences;
    const std::string text =
        base::ReadTextFile(folder + "/calibration_ids.json", 1'000'000).value();
    for (const auto& row : base::ParseJson(text, "ids").value().as_array()) {
      sequences.emplace_back();
      for (const auto& id : row.as_array()) {
        sequences.back().push_back(static_cast<int32_t>(id.as_int64()));
      }
    }
    base::ThreadPool pool(2);
    const base::CancelFlag cancel;
    std::atomic<uint64_t> done{0};
    const auto stats = quant::Calibrate(
        model.value(), checkpoint.value().specs, pool, sequences,
        {.scratch_folder = ::testing::TempDir(), .batch_tokens = batch_tokens}, cancel, done);
    EXPECT_TRUE(stats.ok()) << stats.error().message;
    const bool bf16 = activations == Activations::kBf16;
    const quant::InputAmaxes amaxes = quant::DecideInputAmaxes(
        checkpoint.value().specs, stats.value(), model::ExpertInputScale::kLayer,
        bf16 ? quant::AmaxRounding::kBf16 : quant::AmaxRounding::kNone);
    std::map<std::string, float> scales;
    for (size_t i = 0; i < amaxes.by_spec.size(); ++i) {
      const std::string& name = checkpoint.value().specs[i].name;
      scales[model::PartName(name, model::Part::kInputScale)] =
          tensor::Nvfp4TensorScale(amaxes.by_spec[i], tensor::ScaleRule::kCpu);
    }
    return scales;
  }
};

TEST_P(CalibrationGoldens, InF32EveryScaleIsModeloptsWithinAHundredthOfAPercent) {
  const base::JsonObject expected =
      base::ReadJsonObject(kGolden + "models/" + GetParam() + "/input_scales_f32.json", 10'000'000)
          .value();
  for (const size_t batch_tokens : {1u, 50u, 1000u}) {
    std::map<std::string, float> scales = Scales(Activations::kF32, batch_tokens);
    double worst = 0;
    for (const auto& [name, hex] : expected) {
      const double scale = std::strtod(hex.as_string().c_str(), nullptr);
      ASSERT_TRUE(scales.contains(name)) << name;
      const double error = std::abs(scales[name] / scale - 1);
      EXPECT_LE(error, 1e-4) << name;
      worst = std::max(worst, error);
    }
    std::printf("  %s: %zu scales, worst deviation %.1e\n", GetParam(), expected.size(), worst);
  }
}

TEST_P(CalibrationGoldens, InBf16TheMedianIsWithinAPercent) {
  const Tensors theirs(kGolden + "models/" + GetParam() + "/modelopt/model.safetensors");
  std::map<std::string, float> scales = Scales(Activations::kBf16, 1000);
  std::vector<double> errors;
  for (const auto& [name, info] : theirs.infos()) {
    if (!name.ends_with(".input_scale")) continue;
    errors.push_back(std::abs(scales[name] / theirs.Read<float>(name)[0] - 1));
  }
  ASSERT_GT(errors.size(), 20u);
  std::sort(errors.begin(), errors.end());
  std::printf("  %s: median deviation %.1e, worst %.1e\n", GetParam(), errors[errors.size() / 2],
              errors.back());
  EXPECT_LE(errors[errors.size() / 2], 0.01);
  EXPECT_LE(errors.back(), 0.15);
}

INSTANTIATE_TEST_SUITE_P(Models, CalibrationGoldens, ::testing::Values("basic", "groups", "shared"),
                         [](const auto& p) { return std::string(p.param); });

}  // namespace
}  // namespace glimmer
