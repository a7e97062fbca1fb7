#include <fmt/format.h>

#include "apps/command.h"
#include "apps/model_input.h"
#include "apps/plan_view.h"
#include "apps/terminal.h"
#include "base/json.h"
#include "base/text.h"
#include "quant/convert.h"
#include "quant/export_modelopt.h"
#include "quant/settings.h"

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
  bool resume = false;
  bool dry_run = false;
  bool json = false;
};

void PrintSummary(const Options& options, const quant::Plan& plan,
                  const quant::ConvertSummary& summary) {
  const quant::PlanTotals& t = plan.totals;
  if (options.json) {
    base::JsonObject json = PlanJson(plan, "headers");
    json["output"] = options.out;
    json["was_complete"] = summary.was_complete;
    json["files_kept"] = summary.files_kept;
    json["bytes_written"] = summary.bytes_written;
    json["seconds"] = summary.seconds;
    return Print(base::DumpJson(json, 2) + "\n");
  }
  if (summary.was_complete) {
    return Print(fmt::format("{}: is complete already, nothing to do\n", options.out));
  }
  const double rate = static_cast<double>(t.bytes_source) / std::max(summary.seconds, 1e-9);
  Print(fmt::format("{}  {} of {} linears in NVFP4 (recipe {}, {})\n", Bold(options.out),
                    base::WithCommas(t.linears_quantized), base::WithCommas(t.linears_total),
                    plan.recipe.name, plan.options.weights_only ? "W4A16_NVFP4" : "NVFP4"));
  Print(fmt::format(
      "  {} from {} ({:.1f} %), {} tensors in {} files\n", HumanBytes(t.bytes_total()),
      HumanBytes(t.bytes_source),
      100.0 * static_cast<double>(t.bytes_total()) / static_cast<double>(t.bytes_source),
      base::WithCommas(t.tensors_total()), plan.files.size()));
  Print(fmt::format(
      "  {} at {}/s of source{}\n", base::HumanSeconds(summary.seconds),
      HumanBytes(static_cast<uint64_t>(rate)),
      summary.files_kept > 0 ? fmt::format("; {} finished files kept", summary.files_kept) : ""));
}

Status RunQuantize(const Options& options) {
  if (!options.weights_only) {
    return base::Unsupported(
        "calibrated input scales are not built yet: pass --weights-only for a W4A16_NVFP4 "
        "checkpoint");
  }
  GLIMMER_ASSIGN(const uint64_t max_shard_bytes, base::ParseBytes(options.max_shard_size));
  GLIMMER_ASSIGN(quant::Recipe recipe, quant::LoadRecipe(options.recipe));
  GLIMMER_ASSIGN(ModelInput input, OpenModel(options.model, Weights::kRequired));
  GLIMMER_ASSIGN(const quant::Plan plan,
                 quant::MakePlan(input.config, input.specs, std::move(recipe),
                                 {.weights_only = true, .max_shard_bytes = max_shard_bytes}));
  for (const std::string& warning : plan.warnings) {
    std::fprintf(stderr, "glimmer: warning: %s\n", warning.c_str());
  }
  GLIMMER_ASSIGN(const quant::Companions companions,
                 quant::QuantizedCompanions(plan, input.config_text, input.folder));
  const auto rule = options.scale_rule == "gpu" ? tensor::ScaleRule::kGpu : tensor::ScaleRule::kCpu;
  GLIMMER_ASSIGN(const base::JsonObject settings,
                 quant::ConversionSettings(plan, *input.weights, input.config_text, rule));
  if (options.dry_run) {
    GLIMMER_ASSIGN([[maybe_unused]] const quant::OutputState state,
                   quant::CheckOutput(plan, companions, options.out, settings, options.resume));
    Print(options.json ? base::DumpJson(PlanJson(plan, input.confirmed_by), 2) + "\n"
                       : PlanText(plan, input.confirmed_by) + "dry run: nothing was written\n");
    return {};
  }
  const quant::CheckpointSource source(plan.specs, *input.weights);
  quant::Progress progress;
  base::Result<quant::ConvertSummary> summary = [&] {
    const ProgressLine line("quantizing", progress.source_bytes_done, plan.totals.bytes_source);
    return quant::Convert(
        plan, source, companions, options.out, settings,
        {.rule = rule, .workers = quant::ConvertWorkers(), .resume = options.resume}, Interrupted(),
        progress);
  }();
  if (!summary.ok()) return WithWayToGoOn(std::move(summary).error(), options.out);
  PrintSummary(options, plan, summary.value());
  return {};
}

}  // namespace

void AddQuantize(Command program) {
  auto options = std::make_shared<Options>();
  Command command = program.AddCommand("quantize", "Write an NVFP4 checkpoint of a BF16 model");
  command.AddOption("MODEL_DIR", &options->model, "BF16 model folder").Required();
  command.AddOption("OUT_DIR", &options->out, "New or empty folder for the checkpoint").Required();
  command.AddFlag("--weights-only", &options->weights_only,
                  "No input scales (W4A16_NVFP4): needs no calibration");
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
  command.SetFooter("Example:\n  glimmer quantize models/reference out --weights-only");
  command.SetBody([options] { return RunQuantize(*options); });
}

}  // namespace glimmer::apps
