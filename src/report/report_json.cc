#include "report/report_json.h"

#include <fmt/format.h>

#include "quant/version.h"
#include "report/output_files.h"

namespace glimmer::report {
namespace {

using base::JsonArray;
using base::JsonObject;
using base::JsonValue;

JsonValue OrNull(const std::optional<double>& value) {
  return value ? JsonValue(*value) : JsonValue(nullptr);
}

JsonObject ErrorJson(const PackError& error) {
  return {{"snr_db", OrNull(error.snr_db())},
          {"relative_rms", error.relative_rms()},
          {"squared_error", error.squared_error},
          {"squared_weights", error.squared_weights}};
}

JsonObject SizesJson(const Facts& facts, const Figures& figures) {
  const quant::PlanTotals& t = facts.plan.totals;
  JsonArray modules;
  for (const KindFigures& kind : figures.kinds) {
    modules.push_back({{"module", model::ModuleKindName(kind.kind)},
                       {"tensors", kind.tensors},
                       {"quantized", kind.quantized},
                       {"bytes_before", kind.bytes_before},
                       {"bytes_after", kind.bytes_after}});
  }
  return {{"bytes_source", t.bytes_source},
          {"bytes_output", t.bytes_total()},
          {"bytes_mtp", t.bytes_mtp},
          {"file_bytes_source", figures.source_file_bytes},
          {"file_bytes_output", figures.output_file_bytes},
          {"tensors_source", t.tensors_source},
          {"tensors_output", t.tensors_total()},
          {"tensors_mtp", t.tensors_mtp},
          {"shards", t.shards},
          {"linears_total", t.linears_total},
          {"linears_quantized", t.linears_quantized},
          {"parameters_total", t.parameters_total},
          {"parameters_quantized", t.parameters_quantized},
          {"modules", std::move(modules)}};
}

JsonObject WeightsJson(const Figures& figures) {
  JsonArray modules, worst;
  for (const KindFigures& kind : figures.kinds) {
    if (kind.quantized == 0) continue;
    JsonArray layers;
    for (const auto& [layer, error] : kind.layers) {
      JsonObject object = ErrorJson(error);
      object["layer"] = layer;
      layers.push_back(std::move(object));
    }
    JsonObject object = {{"module", model::ModuleKindName(kind.kind)}, {"linears", kind.quantized}};
    for (auto& member : ErrorJson(kind.error)) object[member.key()] = member.value();
    object["layers"] = std::move(layers);
    modules.push_back(std::move(object));
  }
  for (const WorstLinear& linear : figures.worst) {
    JsonObject object = ErrorJson(linear.error);
    object["linear"] = linear.module;
    worst.push_back(std::move(object));
  }
  return {{"all", ErrorJson(figures.error)},
          {"modules", std::move(modules)},
          {"worst", std::move(worst)}};
}

JsonArray InputsJson(const Figures& figures) {
  JsonArray inputs;
  for (const KindFigures& kind : figures.kinds) {
    if (kind.quantized == 0) continue;
    JsonArray outliers;
    for (const OutlierRatio& outlier : kind.outliers) {
      outliers.push_back({{"layer", outlier.layer}, {"largest_to_median", outlier.ratio}});
    }
    inputs.push_back({{"module", model::ModuleKindName(kind.kind)},
                      {"linears", kind.quantized},
                      {"smallest_amax", kind.inputs.smallest},
                      {"median_amax", kind.inputs.median},
                      {"largest_amax", kind.inputs.largest},
                      {"layers", std::move(outliers)}});
  }
  return inputs;
}

JsonArray ZeroInputsJson(const Facts& facts) {
  const auto& zeros = facts.calibration->amaxes.zero_inputs;
  return JsonArray(zeros.begin(), zeros.end());
}

JsonObject ExpertsJson(const Facts& facts, const Figures& figures) {
  JsonArray layers;
  for (const LayerCoverage& layer : figures.coverage) {
    layers.push_back({{"layer", layer.layer},
                      {"even_share", layer.even_share},
                      {"unseen", layer.unseen()},
                      {"tokens", JsonArray(layer.tokens.begin(), layer.tokens.end())}});
  }
  const auto& unseen = facts.calibration->amaxes.unseen_experts;
  return {{"experts", figures.experts},
          {"unseen_count", figures.experts_unseen},
          {"unseen", JsonArray(unseen.begin(), unseen.end())},
          {"layers", std::move(layers)}};
}

JsonObject CalibrationJson(const Facts& facts, const Figures& figures) {
  const Calibration& calibration = *facts.calibration;
  JsonArray files;
  for (const CalibrationFile& file : calibration.files) {
    JsonObject skipped;
    for (const auto& [reason, lines] : file.skipped) skipped[reason] = lines;
    files.push_back({{"path", file.path},
                     {"sha256", file.sha256},
                     {"samples_asked", file.samples_asked},
                     {"samples", file.samples},
                     {"tokens", file.tokens},
                     {"truncated", file.truncated},
                     {"lines", file.lines},
                     {"skipped", std::move(skipped)}});
  }
  JsonObject json = {{"tokens", figures.calibration_tokens},
                     {"samples", figures.calibration_samples},
                     {"fingerprint", calibration.fingerprint},
                     {"expert_input_scale", calibration.expert_input_scale},
                     {"files", std::move(files)}};
  if (!calibration.stats_file.empty()) {
    json["stats"] = {{"path", calibration.stats_file}, {"hash", calibration.stats_hash}};
  }
  return json;
}

JsonObject SourceJson(const Facts& facts) {
  JsonArray files;
  for (const SourceFile& file : facts.source_files) {
    JsonObject entry = {{"name", file.name}, {"bytes", file.bytes}};
    if (!file.header_hash.empty()) entry["header_hash"] = file.header_hash;
    if (!file.digest.empty()) entry["digest"] = file.digest;
    if (!file.sha256.empty()) entry["sha256"] = file.sha256;
    files.push_back(std::move(entry));
  }
  return {{"folder", facts.source_folder}, {"files", std::move(files)}};
}

JsonObject OutputJson(const Facts& facts, const std::string& card) {
  JsonArray files;
  for (const FileEntry& file : OutputFiles(facts, card)) {
    JsonObject entry = {{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}};
    if (!file.digest.empty()) entry["digest"] = file.digest;
    files.push_back(std::move(entry));
  }
  return {{"folder", facts.output_folder}, {"files", std::move(files)}};
}

JsonObject RunJson(const Facts& facts, const Figures& figures) {
  const RunFacts& run = facts.run;
  const auto tokens = static_cast<double>(figures.calibration_tokens);
  const auto bytes = static_cast<double>(facts.plan.totals.bytes_source);
  JsonObject json = {{"started", run.started},
                     {"finished", run.finished},
                     {"seconds", run.seconds},
                     {"source_bytes_read", run.source_bytes_read},
                     {"source_read_ratio", static_cast<double>(run.source_bytes_read) / bytes}};
  if (run.calibration_seconds > 0) {
    json["calibration_seconds"] = run.calibration_seconds;
    json["tokens_per_second"] = tokens / run.calibration_seconds;
  }
  return json;
}

}  // namespace

JsonObject ReportJson(const Facts& facts, const Figures& figures, const std::string& card) {
  const quant::Plan& plan = facts.plan;
  JsonObject json = {
      {"glimmer_report", 1},
      {"versions", {{"glimmer", quant::kVersion}, {"layout of modelopt", quant::kLayoutVersion}}},
      {"recipe", plan.recipe.name},
      {"weights_only", plan.options.weights_only},
      {"kv_cache", plan.recipe.kv_cache == quant::KvCacheFormat::kFp8Cast ? "fp8_cast" : "none"},
      {"settings", facts.settings},
      {"sizes", SizesJson(facts, figures)},
      {"weights", WeightsJson(figures)}};
  if (facts.calibration != nullptr) {
    json["inputs"] = InputsJson(figures);
    json["zero_inputs"] = ZeroInputsJson(facts);
    json["experts"] = ExpertsJson(facts, figures);
    json["calibration"] = CalibrationJson(facts, figures);
  }
  json["source"] = SourceJson(facts);
  json["output"] = OutputJson(facts, card);
  json["run"] = RunJson(facts, figures);
  return json;
}

}  // namespace glimmer::report
