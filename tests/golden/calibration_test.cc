// Input scales against modelopt's (tests/golden/README.md#calibration).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/test_folder.h"
#include "calib/calibrate.h"
#include "calib/input_amax.h"
#include "golden/golden_files.h"
#include "model/loaded_checkpoint.h"
#include "tensor/nvfp4.h"

namespace glimmer {
namespace {

using golden::kGolden;
using model::Activations;
using Sequences = std::vector<std::vector<int32_t>>;

base::JsonValue Read(const std::string& path) {
  return base::ParseJson(base::ReadTextFile(path, 10'000'000).value(), path).value();
}

std::vector<int32_t> Ids(const base::JsonValue& value) {
  std::vector<int32_t> ids;
  for (const base::JsonValue& id : value.as_array()) {
    ids.push_back(static_cast<int32_t>(id.as_int64()));
  }
  return ids;
}

// Reads the embedding, whose rows calibrating takes from there.
class KeepNothing : public calib::WeightSink {
 public:
  base::Status OnWeights(const quant::WeightSource& source,
                         const std::vector<size_t>& specs) override {
    const model::TensorSpec& spec = source.spec(specs[0]);
    if (spec.kind != model::ModuleKind::kEmbedding) return {};
    std::vector<std::byte> bytes(*tensor::SizeBytes(spec.dtype, spec.shape));
    return source.ReadBytes(specs[0], 0, bytes);
  }
  base::Status Commit() override { return {}; }
};

// input_scale of every linear, by tensor name, with one scale for each layer's experts.
std::map<std::string, float> Scales(const std::string& source, const Sequences& sequences,
                                    Activations activations, size_t batch_tokens) {
  const auto checkpoint = model::LoadCheckpoint(source);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.error().message;
  const auto model =
      model::LoadModel(checkpoint.value(), {.activations = activations, .latent_norm_eps = 1e-6});
  EXPECT_TRUE(model.ok()) << model.error().message;
  base::ThreadPool pool(2);
  const quant::CheckpointSource weights(checkpoint.value().specs, checkpoint.value().weights);
  const base::TestFolder folder;
  KeepNothing sink;
  const base::CancelFlag cancel;
  std::atomic<uint64_t> done{0};
  const auto stats =
      calib::Calibrate(model.value(), weights, checkpoint.value().specs, pool, sequences,
                       {folder.path(), batch_tokens, {}}, sink, cancel, done);
  EXPECT_EQ(done, calib::CalibrationWork(model.value().config, sequences));
  EXPECT_TRUE(stats.ok()) << stats.error().message;
  const bool bf16 = activations == Activations::kBf16;
  const calib::InputAmaxes amaxes = calib::DecideInputAmaxes(
      checkpoint.value().specs, stats.value(), model::ExpertInputScale::kLayer,
      bf16 ? calib::AmaxRounding::kBf16 : calib::AmaxRounding::kNone);
  std::map<std::string, float> scales;
  for (size_t i = 0; i < amaxes.by_spec.size(); ++i) {
    const std::string& name = checkpoint.value().specs[i].name;
    scales[model::PartName(name, model::Part::kInputScale)] =
        tensor::Nvfp4TensorScale(amaxes.by_spec[i], tensor::ScaleRule::kCpu);
  }
  return scales;
}

// Relative deviations from modelopt's scales, ascending.
std::vector<double> Deviations(const std::string& name, std::map<std::string, float> scales) {
  const base::JsonValue expected = Read(kGolden + "calibration/" + name + ".json");
  std::vector<double> errors;
  for (const auto& [tensor, hex] : expected.as_object()) {
    EXPECT_TRUE(scales.contains(tensor)) << tensor;
    errors.push_back(std::abs(scales[tensor] / std::strtod(hex.as_string().c_str(), nullptr) - 1));
  }
  std::sort(errors.begin(), errors.end());
  std::printf("  %s: %zu scales, median deviation %.1e, worst %.1e\n", name.c_str(), errors.size(),
              errors[errors.size() / 2], errors.back());
  return errors;
}

TEST(CalibrationGoldens, InF32EveryScaleIsModeloptsWithinAHundredthOfAPercent) {
  for (const std::string name : {"basic", "groups", "shared"}) {
    const std::string folder = kGolden + "models/" + name;
    Sequences sequences;
    const base::JsonValue rows = Read(folder + "/calibration_ids.json");
    for (const base::JsonValue& row : rows.as_array()) sequences.push_back(Ids(row));
    for (const size_t batch_tokens : {1u, 50u, 1000u}) {
      const auto scales = Scales(folder + "/source", sequences, Activations::kF32, batch_tokens);
      EXPECT_LE(Deviations(name + "_f32", scales).back(), 1e-4);
    }
  }
}

// The sequences of calibration_goldens.py.
Sequences ReferenceSequences() {
  const base::JsonValue tokens = Read(kGolden + "forward/reference_tokens.json");
  const std::vector<int32_t> flat = Ids(tokens.at("flat"));
  Sequences sequences;
  for (auto at = flat.begin(); at != flat.begin() + 2048; at += 64) {
    sequences.emplace_back(at, at + 64);
  }
  return sequences;
}

const std::string kReference = std::string(GLIMMER_SOURCE_DIR) + "/models/reference";

TEST(CalibrationGoldens, TheReferenceModelInF32) {
  const auto scales = Scales(kReference, ReferenceSequences(), Activations::kF32, 700);
  EXPECT_LE(Deviations("reference_f32", scales).back(), 1e-4);
}

TEST(CalibrationGoldens, TheReferenceModelInBf16) {
  const auto scales = Scales(kReference, ReferenceSequences(), Activations::kBf16, 700);
  const std::vector<double> errors = Deviations("reference_bf16", scales);
  EXPECT_LE(errors[errors.size() / 2], 0.01);
  EXPECT_LE(errors.back(), 0.15);
}

}  // namespace
}  // namespace glimmer
