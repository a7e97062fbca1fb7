#include "calib/calibrated_conversion.h"

#include <fmt/format.h>

#include <chrono>

#include "base/text.h"
#include "calib/stats_file.h"
#include "tensor/nvfp4.h"

namespace glimmer::calib {
namespace {

using base::JoinPath;
using base::Quoted;
using base::Result;
using base::Status;

// Packs weights while they are in memory for computing.
class PackingSink : public WeightSink {
 public:
  explicit PackingSink(quant::Conversion& conversion) : conversion_(conversion) {}
  Status OnWeights(const quant::WeightSource& source, const std::vector<size_t>& specs) override {
    return conversion_.WriteWeights(source, specs);
  }
  Status Commit() override { return conversion_.Commit(); }

 private:
  quant::Conversion& conversion_;
};

// A checkpoint whose linears' inputs are known.
class CalibratedSource : public quant::CheckpointSource {
 public:
  using CheckpointSource::CheckpointSource;
  float InputAmax(size_t index) const override { return amaxes[index]; }

  std::vector<float> amaxes;
};

std::string TextOf(const base::JsonObject& settings, const char* name) {
  const base::JsonValue* value = settings.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

Result<StoredStats> StatsFor(const quant::Plan& plan, const CalibratedOptions& options) {
  GLIMMER_ASSIGN(StoredStats stored, ReadStats(options.stats_path, plan.specs));
  const std::string where = Quoted(options.stats_path);
  if (!stored.complete) return base::Invalid(where + ": the calibration did not come to its end");
  const std::string wanted = TextOf(options.stats_settings, kSourceConfig);
  const std::string found = TextOf(stored.settings, kSourceConfig);
  if (found != wanted) {
    return base::Invalid(fmt::format("{}: is of another model: {}: expected {}, found {}", where,
                                     kSourceConfig, wanted, found));
  }
  return stored;
}

InputAmaxes AmaxesOf(const quant::Plan& plan, const StoredStats& stored,
                     const CalibratedOptions& options) {
  const bool bf16 = TextOf(stored.settings, kActivations) == "bf16";
  return DecideInputAmaxes(plan.specs, stored.stats, options.expert_input_scale,
                           bf16 ? AmaxRounding::kBf16 : AmaxRounding::kNone);
}

}  // namespace

Result<CalibratedResult> ConvertCalibrated(
    const quant::Plan& plan, const io::Checkpoint& checkpoint, const quant::Companions& companions,
    const std::string& folder, const base::JsonObject& settings, const CalibrationInput& input,
    const CalibratedOptions& options, const base::CancelFlag& cancel, CalibratedProgress& progress,
    const std::function<Status(const CalibratedResult&)>& write_others) {
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  CalibratedResult result;
  CalibratedSource source(plan.specs, checkpoint);
  const std::string scratch = JoinPath(folder, kScratchFolder);
  std::string stats_path = options.stats_path;
  StoredStats stored;
  if (!stats_path.empty()) {
    GLIMMER_ASSIGN(stored, StatsFor(plan, options));
  }
  GLIMMER_ASSIGN(quant::Conversion conversion,
                 quant::Conversion::Begin(plan, companions, folder, settings, options.convert,
                                          cancel, progress.convert));
  if (stats_path.empty()) {
    stats_path = JoinPath(scratch, kStatsName);
    base::ThreadPool pool(options.threads);
    PackingSink sink(conversion);
    GLIMMER_ASSIGN(stored.stats, Calibrate(*input.model, source, plan.specs, pool, *input.sequences,
                                           {scratch, options.batch_tokens, options.stats_settings,
                                            &progress.work_kept, options.warn},
                                           sink, cancel, progress.work));
    stored.settings = options.stats_settings;
    result.calibration_seconds = elapsed();
  }
  result.amaxes = AmaxesOf(plan, stored, options);
  result.stats = std::move(stored.stats);
  source.amaxes = result.amaxes.by_spec;
  progress.calibrated();
  GLIMMER_TRY(conversion.WriteRest(source));
  GLIMMER_TRY(base::CopyFileAtomically(stats_path, JoinPath(folder, kStatsName)));
  result.written = conversion.written();
  result.source_bytes_read = source.bytes_read();
  result.summary.seconds = elapsed();
  GLIMMER_TRY(write_others(result));
  GLIMMER_TRY(base::RemoveFolder(scratch));
  GLIMMER_ASSIGN(quant::ConvertSummary summary, conversion.Finish());
  summary.seconds = elapsed();
  result.summary = summary;
  return result;
}

Status CheckFinishedScales(const quant::Plan& plan, const std::string& folder,
                           const CalibratedOptions& options) {
  GLIMMER_ASSIGN(const StoredStats stored, ReadStats(JoinPath(folder, kStatsName), plan.specs));
  GLIMMER_ASSIGN(const io::Checkpoint finished, io::Checkpoint::Open(folder));
  const InputAmaxes amaxes = AmaxesOf(plan, stored, options);
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const quant::Place& place = plan.tensors[i].place(quant::Part::kInputScale);
    if (!place.written()) continue;
    const std::string& name = plan.files[place.file].tensors[place.slot].name;
    const io::TensorRef tensor = finished.Find(name);
    float found = 0;
    if (tensor.info == nullptr || tensor.info->size_bytes != sizeof found) {
      return base::Corrupt(fmt::format("{}: {}: expected an F32 scalar", Quoted(folder), name));
    }
    GLIMMER_TRY(io::Checkpoint::Read(tensor, 0, std::as_writable_bytes(std::span(&found, 1))));
    const float expected = tensor::Nvfp4TensorScale(amaxes.by_spec[i], options.convert.rule);
    if (found == expected) continue;
    return base::Invalid(
        fmt::format("{}: is complete already, with other input scales: {} is {}, these options "
                    "give {}",
                    Quoted(folder), name, found, expected));
  }
  return {};
}

}  // namespace glimmer::calib
