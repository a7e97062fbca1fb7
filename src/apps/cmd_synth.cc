#include <fmt/format.h>

#include "apps/command.h"
#include "apps/model_input.h"
#include "apps/terminal.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "quant/convert.h"
#include "quant/export_modelopt.h"

namespace glimmer::apps {
namespace {

using base::HumanBytes;
using base::Status;

struct Options {
  std::string config;
  std::string out;
  std::string format = "bf16";
  std::string recipe = quant::kDefaultRecipe;
  std::string max_shard_size = "5GB";
  uint64_t seed = 0;
  bool resume = false;
  bool json = false;
};

Status RunSynth(const Options& options) {
  const bool packed = options.format == "nvfp4";
  GLIMMER_ASSIGN(const uint64_t max_shard_bytes, base::ParseBytes(options.max_shard_size));
  quant::Recipe recipe = quant::KeepEverything();
  if (packed) {
    GLIMMER_ASSIGN(recipe, quant::LoadRecipe(options.recipe));
  }
  GLIMMER_ASSIGN(ModelInput input, OpenModel(options.config, Weights::kIfPresent));
  GLIMMER_ASSIGN(const quant::Plan plan,
                 quant::MakePlan(input.config, model::ListTensors(input.config), std::move(recipe),
                                 {.weights_only = false,
                                  .max_shard_bytes = max_shard_bytes,
                                  .separate_mtp_file = packed}));
  quant::Companions companions;
  std::string config_text = input.config_text;
  if (packed) {
    config_text =
        base::WithJsonMember(config_text, "quantization_config", quant::QuantizationConfig(plan));
    companions.texts.emplace_back(quant::kHfQuantConfigName, quant::HfQuantConfigText(plan));
  }
  companions.texts.emplace_back(model::kConfigName, config_text);

  const quant::SyntheticSource source(plan.specs, options.seed);
  quant::Progress progress;
  const base::JsonObject settings = {{"config", base::HashOf(config_text)},
                                     {"--format", options.format},
                                     {"--seed", options.seed},
                                     {"--max-shard-size", max_shard_bytes}};
  auto summary = [&] {
    const ProgressLine line("generating", progress.source_bytes_done, plan.totals.bytes_source);
    return quant::Convert(plan, source, companions, options.out, settings,
                          {.workers = quant::ConvertWorkers(), .resume = options.resume},
                          Interrupted(), progress);
  }();
  if (!summary.ok()) return WithWayToGoOn(std::move(summary).error(), options.out);
  const quant::PlanTotals& t = plan.totals;
  if (options.json) {
    const base::JsonObject json = {{"output", options.out},
                                   {"format", options.format},
                                   {"seed", options.seed},
                                   {"parameters_total", t.parameters_total},
                                   {"tensors_total", t.tensors_total()},
                                   {"bytes_total", t.bytes_total()},
                                   {"seconds", summary.value().seconds}};
    Print(base::DumpJson(json, 2) + "\n");
    return {};
  }
  Print(fmt::format(
      "{}  random {} model, seed {}\n  {} parameters, {} tensors, {} in {} files, {}\n",
      Bold(options.out), packed ? "NVFP4" : "BF16", options.seed,
      base::WithCommas(t.parameters_total), base::WithCommas(t.tensors_total()),
      HumanBytes(t.bytes_total()), plan.files.size(), base::HumanSeconds(summary.value().seconds)));
  return {};
}

}  // namespace

void AddSynth(Command program) {
  auto options = std::make_shared<Options>();
  Command command =
      program.AddCommand("synth", "Write a random checkpoint of any config, for scale tests");
  command.AddOption("CONFIG_JSON", &options->config, "config.json of the model, or its folder")
      .Required();
  command.AddOption("OUT_DIR", &options->out, "New or empty folder for the checkpoint").Required();
  command.AddOption("--format", &options->format, "bf16 or nvfp4 (with input scales)")
      .OneOf({"bf16", "nvfp4"})
      .ShowDefault();
  command.AddOption("--recipe", &options->recipe, "Recipe of --format nvfp4").ShowDefault();
  command.AddOption("--seed", &options->seed, "The same seed gives the same bytes").ShowDefault();
  command.AddOption("--max-shard-size", &options->max_shard_size, "Size of a numbered shard")
      .ShowDefault();
  command.AddFlag("--resume", &options->resume, "Go on with an unfinished checkpoint");
  command.AddFlag("--json", &options->json, "Print the summary as JSON");
  command.SetFooter("Example:\n  glimmer synth models/reference/config.json random --seed 7");
  command.SetBody([options] { return RunSynth(*options); });
}

}  // namespace glimmer::apps
