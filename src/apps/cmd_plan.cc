#include <optional>

#include "apps/calibration_plan.h"
#include "apps/command.h"
#include "apps/model_input.h"
#include "apps/plan_view.h"
#include "apps/terminal.h"
#include "base/json.h"
#include "base/text.h"
#include "quant/convert.h"
#include "quant/plan.h"

namespace glimmer::apps {
namespace {

struct Options {
  std::string model;
  std::string recipe = quant::kDefaultRecipe;
  std::string max_shard_size = "5GB";
  bool weights_only = false;
  CalibrationOptions calibration;
  std::string out = ".";
  bool json = false;
};

base::Status RunPlan(const Options& options) {
  if (options.weights_only) GLIMMER_TRY(options.calibration.CheckUnusedByWeightsOnly());
  GLIMMER_ASSIGN(const uint64_t max_shard_bytes, base::ParseBytes(options.max_shard_size));
  GLIMMER_ASSIGN(quant::Recipe recipe, quant::LoadRecipe(options.recipe));
  GLIMMER_ASSIGN(ModelInput input, OpenModel(options.model, Weights::kIfPresent));
  GLIMMER_ASSIGN(
      const quant::Plan plan,
      quant::MakePlan(input.config, input.specs, std::move(recipe),
                      {.weights_only = options.weights_only, .max_shard_bytes = max_shard_bytes}));
  size_t workers = options.calibration.packing_workers();
  std::optional<CalibrationEstimate> estimate;
  if (options.weights_only) {
    GLIMMER_ASSIGN(workers, options.calibration.packing_workers_within_memory(plan));
  } else {
    GLIMMER_ASSIGN(estimate, EstimateCalibration(options.calibration, input, plan, options.out));
  }
  if (options.json) {
    base::JsonObject json = PlanJson(plan, input.confirmed_by, workers);
    if (estimate) json["calibration"] = EstimateJson(*estimate, plan);
    Print(base::DumpJson(json, 2) + "\n");
  } else {
    Print(PlanText(plan, input.confirmed_by, workers));
    if (estimate) Print("\n" + EstimateText(*estimate, plan));
  }
  return {};
}

}  // namespace

void AddPlan(Command program) {
  auto options = std::make_shared<Options>();
  Command command =
      program.AddCommand("plan", "Say what quantizing a model will do, before anything is done");
  command
      .AddOption("MODEL_DIR", &options->model,
                 "Model folder, or a config.json alone; an index or weights are checked if "
                 "they are there")
      .Required();
  command.AddOption("--recipe", &options->recipe, "Built-in recipe or a YAML file").ShowDefault();
  command.AddFlag("--weights-only", &options->weights_only,
                  "No input scales (W4A16_NVFP4): needs no calibration");
  AddCalibrationOptions(command, options->calibration);
  command.AddOption("--max-shard-size", &options->max_shard_size, "Size of a numbered shard")
      .ShowDefault();
  command
      .AddOption("--out", &options->out,
                 "Where the output will stand: the speed of its disk is measured, with 64 MiB that "
                 "leave nothing behind")
      .ShowDefault();
  command.AddFlag("--json", &options->json, "Print JSON");
  command.SetFooter(
      "Examples:\n"
      "  glimmer plan models/reference --recipe nvfp4-serve --weights-only\n"
      "  glimmer plan GLM-5.1/config.json --samples 256 --seq-len 2048 --memory 16GiB");
  command.SetBody([options] { return RunPlan(*options); });
}

}  // namespace glimmer::apps
