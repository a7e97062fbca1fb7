#include <fmt/format.h>

#include <optional>

#include "apps/calibration_input.h"
#include "apps/command.h"
#include "apps/model_input.h"
#include "apps/plan_view.h"
#include "apps/quantize_view.h"
#include "apps/report_input.h"
#include "apps/terminal.h"
#include "base/json.h"
#include "base/text.h"
#include "calib/calibrated_conversion.h"
#include "calib/hidden_states.h"
#include "calib/memory.h"
#include "calib/stats_file.h"
#include "model/loaded_checkpoint.h"
#include "model/model.h"
#include "quant/convert.h"
#include "quant/export_modelopt.h"
#include "quant/settings.h"
#include "report/write.h"

namespace glimmer::apps {
namespace {

using base::HumanBytes;
using base::Status;

struct Options {
  std::string model;
  std::string out;
  std::string recipe = quant::kDefaultRecipe;
  std::string max_shard_size = "5GB";
  std::string scale_rule = "cpu";
  bool weights_only = false;
  CalibrationOptions calibration;
  std::string stats;  // empty: calibrate
  bool resume = false;
  bool dry_run = false;
  bool json = false;
};

void Warn(const std::string& sentence) {
  std::fprintf(stderr, "glimmer: warning: %s\n", sentence.c_str());
}

// A conversion that is about to begin.
struct Request {
  const Options& options;
  const ModelInput& input;
  const quant::Plan& plan;
  quant::Companions companions;
  base::JsonObject settings;
  quant::ConvertOptions convert;
  RunClock clock{};
};

// What the report says of the request, in the order of the command line.
std::vector<report::Facts::Argument> ReportedArguments(const Options& options) {
  std::vector<report::Facts::Argument> arguments = {{"--recipe"},         {options.recipe, true},
                                                    {"--max-shard-size"}, {options.max_shard_size},
                                                    {"--scale-rule"},     {options.scale_rule}};
  if (options.weights_only) arguments.push_back({"--weights-only"});
  if (options.weights_only) return arguments;
  arguments.push_back({"--expert-input-scale"});
  arguments.push_back({options.calibration.expert_input_scale});
  if (options.stats.empty()) {
    AddCalibrationArguments(options.calibration, arguments);
  } else {
    arguments.push_back({"--stats"});
    arguments.push_back({options.stats, true});
  }
  return arguments;
}

Status WriteReport(const Request& request, const quant::Written& written,
                   const report::Calibration* calibration, report::RunFacts run) {
  request.clock.Stop(run);
  GLIMMER_ASSIGN(std::vector<report::SourceFile> source,
                 report::DescribeSource(*request.input.weights, request.input.folder, request.plan,
                                        request.companions, written));
  return report::Write({.plan = request.plan,
                        .companions = request.companions,
                        .written = written,
                        .settings = request.settings,
                        .source_folder = request.input.folder,
                        .output_folder = request.options.out,
                        .source_files = std::move(source),
                        .arguments = ReportedArguments(request.options),
                        .calibration = calibration,
                        .run = std::move(run)});
}

Status ShowDryRun(const Request& request) {
  const Options& options = request.options;
  GLIMMER_ASSIGN([[maybe_unused]] const quant::OutputState state,
                 quant::CheckOutput(request.plan, request.companions, options.out, request.settings,
                                    options.resume));
  const std::string& confirmed_by = request.input.confirmed_by;
  const size_t workers = request.convert.workers;
  Print(options.json
            ? base::DumpJson(PlanJson(request.plan, confirmed_by, workers), 2) + "\n"
            : PlanText(request.plan, confirmed_by, workers) + "dry run: nothing was written\n");
  return {};
}

void Summarize(const Request& request, const quant::ConvertSummary& summary, RunFigures run) {
  run.packing_workers = request.convert.workers;
  const auto describe = request.options.json ? SummaryJson : SummaryText;
  Print(describe(request.options.out, request.plan, summary, run));
}

Status QuantizeWeights(const Request& request) {
  if (request.options.dry_run) return ShowDryRun(request);
  const quant::CheckpointSource source(request.plan.specs, *request.input.weights);
  quant::Progress progress;
  base::Result<quant::ConvertSummary> summary = [&] {
    const ProgressLine line("quantizing", progress.source_bytes_done,
                            request.plan.totals.bytes_source, ProgressLine::Unit::kBytes,
                            &progress.source_bytes_kept);
    return quant::Convert(
        request.plan, source, request.companions, request.options.out, request.settings,
        request.convert, Interrupted(), progress, [&](const quant::Written& written) {
          return WriteReport(request, written, nullptr, {.source_bytes_read = source.bytes_read()});
        });
  }();
  if (!summary.ok()) return WithWayToGoOn(std::move(summary).error(), request.options.out);
  Summarize(request, summary.value(), {source.bytes_read()});
  return {};
}

// What a calibration needs beside the request; without sequences when there are statistics.
struct Calibration {
  calib::Sequences sequences;
  std::vector<report::CalibrationFile> files;
  std::string fingerprint;
  std::optional<model::Model> model;
  calib::CalibratedOptions options;
};

Status PrepareCalibration(Request& request, Calibration& calibration) {
  const Options& options = request.options;
  calibration.options.convert = request.convert;
  calibration.options.warn = Warn;
  calibration.options.expert_input_scale = options.calibration.sharing();
  calibration.options.threads = options.calibration.thread_count();
  request.settings["--expert-input-scale"] = options.calibration.expert_input_scale;
  data::CalibrationSet set;
  if (options.stats.empty()) {
    GLIMMER_ASSIGN(set, ReadCalibration(options.calibration, request.input));
  } else {
    GLIMMER_ASSIGN(request.settings["--stats"], base::HashOfFile(options.stats));
  }
  calibration.options.stats_path = options.stats;
  calibration.options.stats_settings = StatsSettings(options.calibration, request.input, set);
  if (!options.stats.empty()) return {};
  for (const auto& [name, value] : calibration.options.stats_settings) {
    request.settings[name] = value;
  }
  const calib::CalibrationShape shape = calib::ShapeOf(set.sequences);
  GLIMMER_ASSIGN(const uint64_t memory_bytes, options.calibration.memory_bytes());
  GLIMMER_ASSIGN(
      calibration.options.batch_tokens,
      calib::BatchTokensFor(calib::MemoryOf(request.plan.config, request.plan.specs, shape,
                                            calibration.options.threads),
                            shape, memory_bytes,
                            quant::ConvertMemoryBytes(request.plan, request.convert.workers)));
  request.companions.scratch_bytes =
      calib::HiddenStates::DiskBytes(request.plan.config, shape.tokens,
                                     calib::ElementOf(options.calibration.settings().activations));
  calibration.files = ReportedFiles(set);
  calibration.fingerprint = set.fingerprint;
  calibration.sequences = std::move(set.sequences);
  GLIMMER_ASSIGN(const model::LoadedCheckpoint checkpoint,
                 model::LoadCheckpoint(request.input.folder));
  GLIMMER_ASSIGN(calibration.model, model::LoadModel(checkpoint, options.calibration.settings()));
  return {};
}

Status WriteCalibratedReport(const Request& request, const Calibration& calibration,
                             const calib::CalibratedResult& result) {
  const base::JsonValue* stats_hash = request.settings.if_contains("--stats");
  const report::Calibration reported = {
      .stats = result.stats,
      .amaxes = result.amaxes,
      .files = calibration.files,
      .fingerprint = calibration.fingerprint,
      .stats_file = request.options.stats,
      .stats_hash = stats_hash == nullptr ? "" : std::string(stats_hash->as_string()),
      .expert_input_scale = request.options.calibration.expert_input_scale};
  return WriteReport(request, result.written, &reported,
                     {.calibration_seconds = result.calibration_seconds,
                      .source_bytes_read = result.source_bytes_read});
}

base::Result<calib::CalibratedResult> ShowProgress(const Request& request,
                                                   const Calibration& calibration) {
  calib::CalibratedProgress progress;
  std::optional<ProgressLine> line;
  const auto show_packing = [&] {
    line.reset();
    line.emplace("quantizing", progress.convert.source_bytes_done, request.plan.totals.bytes_source,
                 ProgressLine::Unit::kBytes, &progress.convert.source_bytes_kept);
  };
  progress.calibrated = show_packing;
  if (calibration.model) {
    line.emplace("calibrating", progress.work,
                 calib::CalibrationWork(request.plan.config, calibration.sequences),
                 ProgressLine::Unit::kShare, &progress.work_kept);
  }
  return calib::ConvertCalibrated(
      request.plan, *request.input.weights, request.companions, request.options.out,
      request.settings, {calibration.model ? &*calibration.model : nullptr, &calibration.sequences},
      calibration.options, Interrupted(), progress, [&](const calib::CalibratedResult& result) {
        return WriteCalibratedReport(request, calibration, result);
      });
}

// Whether the statistics in a finished output are those that were asked for.
Status CheckFinishedStats(const Request& request, const Calibration& calibration) {
  const std::string path = base::JoinPath(request.options.out, calib::kStatsName);
  if (!request.options.stats.empty()) {
    GLIMMER_ASSIGN(const std::string found, base::HashOfFile(path));
    if (request.settings.at("--stats").as_string() == found) return {};
    return base::Invalid(base::Quoted(path) + ": is complete already, with other statistics than " +
                         base::Quoted(request.options.stats));
  }
  GLIMMER_ASSIGN(const calib::StoredStats stored, calib::ReadStats(path, request.plan.specs));
  for (const auto& [name, wanted] : calibration.options.stats_settings) {
    const base::JsonValue* found = stored.settings.if_contains(name);
    if (found != nullptr && *found == wanted) continue;
    return base::Invalid(
        fmt::format("{}: is complete already, of another calibration: {} was {}, now it is {}",
                    base::Quoted(path), std::string(name),
                    found == nullptr ? "absent" : base::Shown(*found), base::Shown(wanted)));
  }
  return {};
}

Status QuantizeCalibrated(Request request) {
  const Options& options = request.options;
  Calibration calibration;
  GLIMMER_TRY(PrepareCalibration(request, calibration));
  request.companions.others.push_back(calib::kStatsName);
  std::erase_if(request.companions.copies,  // the source's, of another calibration
                [](const auto& copy) { return copy.first == calib::kStatsName; });
  request.companions.scratch = {calib::kScratchFolder};
  if (options.dry_run) return ShowDryRun(request);
  GLIMMER_ASSIGN(const quant::OutputState state,
                 quant::CheckOutput(request.plan, request.companions, options.out, request.settings,
                                    options.resume));
  quant::ConvertSummary summary;
  RunFigures run;
  summary.was_complete = state == quant::OutputState::kFinished;
  if (summary.was_complete) {
    GLIMMER_TRY(CheckFinishedStats(request, calibration));
    GLIMMER_TRY(calib::CheckFinishedScales(request.plan, options.out, calibration.options));
  } else {
    base::Result<calib::CalibratedResult> result = ShowProgress(request, calibration);
    if (!result.ok()) return WithWayToGoOn(std::move(result).error(), options.out);
    summary = result.value().summary;
    run = {result.value().source_bytes_read, calib::ShapeOf(calibration.sequences).tokens,
           result.value().calibration_seconds, result.value().amaxes.unseen_experts.size(),
           result.value().amaxes.zero_inputs};
  }
  Summarize(request, summary, run);
  return {};
}

// Options that have no meaning beside each other.
Status CheckOptionsFit(const Options& options) {
  if (options.weights_only && !options.stats.empty()) {
    return base::Invalid("--stats: has no meaning with --weights-only");
  }
  if (options.weights_only) return options.calibration.CheckUnusedByWeightsOnly();
  if (!options.stats.empty()) return options.calibration.CheckUnusedByStats();
  return {};
}

Status RunQuantize(const Options& options) {
  GLIMMER_TRY(CheckOptionsFit(options));
  GLIMMER_ASSIGN(const uint64_t max_shard_bytes, base::ParseBytes(options.max_shard_size));
  GLIMMER_ASSIGN(quant::Recipe recipe, quant::LoadRecipe(options.recipe));
  GLIMMER_ASSIGN(ModelInput input, OpenModel(options.model, Weights::kRequired));
  GLIMMER_ASSIGN(
      const quant::Plan plan,
      quant::MakePlan(input.config, input.specs, std::move(recipe),
                      {.weights_only = options.weights_only, .max_shard_bytes = max_shard_bytes}));
  for (const std::string& warning : plan.warnings) Warn(warning);
  const bool calibrates = !options.weights_only && options.stats.empty();
  size_t workers = options.calibration.packing_workers();
  if (!calibrates) {
    GLIMMER_ASSIGN(workers, options.calibration.packing_workers_within_memory(plan));
  }
  GLIMMER_ASSIGN(quant::Companions companions,
                 quant::QuantizedCompanions(plan, input.config_text, input.folder));
  companions.others = report::Names();
  companions.dated = report::DatedNames();
  companions.sums = true;
  const auto rule = options.scale_rule == "gpu" ? tensor::ScaleRule::kGpu : tensor::ScaleRule::kCpu;
  GLIMMER_ASSIGN(base::JsonObject settings,
                 quant::ConversionSettings(plan, *input.weights, input.config_text, rule));
  Request request = {
      options,
      input,
      plan,
      std::move(companions),
      std::move(settings),
      {.rule = rule, .workers = workers, .resume = options.resume, .measure_errors = true}};
  return options.weights_only ? QuantizeWeights(request) : QuantizeCalibrated(std::move(request));
}

}  // namespace

void AddQuantize(Command program) {
  auto options = std::make_shared<Options>();
  Command command = program.AddCommand("quantize", "Write an NVFP4 checkpoint of a BF16 model");
  command.AddOption("MODEL_DIR", &options->model, "BF16 model folder").Required();
  command.AddOption("OUT_DIR", &options->out, "New or empty folder for the checkpoint").Required();
  command.AddFlag("--weights-only", &options->weights_only,
                  "No input scales (W4A16_NVFP4): needs no calibration");
  AddCalibrationOptions(command, options->calibration);
  command.AddOption("--stats", &options->stats,
                    "Statistics of an earlier calibration (calibration_stats.jsonl) instead of a "
                    "new one; any recipe");
  command.AddOption("--recipe", &options->recipe, "Built-in recipe or a YAML file").ShowDefault();
  command.AddFlag("--resume", &options->resume,
                  "Go on with an unfinished conversion; files that are complete are verified and "
                  "kept");
  command.AddFlag("--dry-run", &options->dry_run, "Check everything and print the plan");
  command.AddOption("--max-shard-size", &options->max_shard_size, "Size of a numbered shard")
      .ShowDefault();
  command
      .AddOption("--scale-rule", &options->scale_rule,
                 "How modelopt rounds the per-tensor scales: its arithmetic on cpu (division) or "
                 "gpu (reciprocal)")
      .OneOf({"cpu", "gpu"})
      .ShowDefault();
  command.AddFlag("--json", &options->json, "Print the summary as JSON");
  command.SetFooter(
      "Examples:\n"
      "  glimmer quantize models/reference out --weights-only\n"
      "  glimmer quantize GLM-5.1 out --calibration cnn.jsonl:128 nemotron.jsonl:128 --memory "
      "16GiB\n"
      "Texts and their mixing are described in docs/calibration-data.md.");
  command.SetBody([options] { return RunQuantize(*options); });
}

}  // namespace glimmer::apps
