#include <fmt/format.h>

#include "apps/command.h"
#include "apps/engine_names.h"
#include "apps/terminal.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "check/serving.h"
#include "quant/convert.h"
#include "quant/export_modelopt.h"
#include "quant/packed_source.h"
#include "quant/settings.h"

namespace glimmer::apps {
namespace {

using base::HumanBytes;
using base::Quoted;
using base::Result;
using base::Status;
using check::Engine;

struct Options {
  std::string checkpoint;
  std::string out;
  std::string recipe = "nvfp4-serve";
  std::string max_shard_size = "5GB";
  std::vector<std::string> engines;
  bool resume = false;
  bool dry_run = false;
  bool json = false;
};

// What the conversion will do, before a weight is read.
struct Conversion {
  check::ServingPlan serving;
  quant::Plan plan;
  quant::Companions companions;
  base::JsonObject settings;
};

std::string Join(const std::vector<Engine>& engines) {
  std::string names;
  for (const Engine engine : engines) {
    names += (names.empty() ? "" : ", ") + std::string(check::EngineName(engine));
  }
  return names;
}

Result<Conversion> Prepare(const Options& options, const check::Opened& opened,
                           const std::vector<Engine>& engines) {
  Conversion conversion;
  GLIMMER_ASSIGN(const uint64_t max_shard_bytes, base::ParseBytes(options.max_shard_size));
  GLIMMER_ASSIGN(quant::Recipe recipe, quant::LoadRecipe(options.recipe));
  recipe.kv_cache = opened.announced.config_first().kv_cache == "FP8"
                        ? quant::KvCacheFormat::kFp8Cast
                        : quant::KvCacheFormat::kNone;
  const check::Scan scan = check::ScanTensors(opened);
  if (!scan.any_packed()) {
    return base::Invalid(Quoted(opened.folder) +
                         ": no linear is NVFP4: convert starts from an NVFP4 checkpoint, quantize "
                         "from a BF16 model");
  }
  GLIMMER_ASSIGN(conversion.serving, check::PlanServing(opened, scan, recipe, engines));
  GLIMMER_ASSIGN(conversion.plan, quant::MakePlan(opened.model.config, conversion.serving.specs,
                                                  std::move(recipe), conversion.serving.formats,
                                                  {.weights_only = !scan.any_input_scale,
                                                   .max_shard_bytes = max_shard_bytes}));
  GLIMMER_ASSIGN(const std::string config_text,
                 base::ReadTextFile(base::JoinPath(opened.folder, model::kConfigName),
                                    model::kMaxConfigBytes));
  GLIMMER_ASSIGN(conversion.companions,
                 quant::QuantizedCompanions(conversion.plan, config_text, opened.folder));
  conversion.companions.sums = true;
  GLIMMER_ASSIGN(conversion.settings,
                 quant::ConversionSettings(conversion.plan, opened.model.weights, config_text,
                                           tensor::ScaleRule::kCpu));
  conversion.settings["--engine"] = Join(engines);
  return conversion;
}

// Dequantized linears of one kind and the rules that demanded it.
std::string DequantizedText(const check::ServingPlan& serving) {
  std::vector<std::pair<std::string, size_t>> lines;
  for (size_t i = 0; i < serving.specs.size(); ++i) {
    if (serving.reasons[i].empty()) continue;
    const std::string line =
        fmt::format("{} ({})", model::ModuleKindName(serving.specs[i].kind), serving.reasons[i]);
    auto place = std::find_if(lines.begin(), lines.end(),
                              [&](const auto& known) { return known.first == line; });
    if (place == lines.end()) place = lines.insert(place, {line, 0});
    ++place->second;
  }
  std::string text;
  for (const auto& [line, count] : lines) {
    text += fmt::format("  {} x {}\n", base::WithCommas(count), line);
  }
  return text;
}

void PrintSummary(const Options& options, const Conversion& conversion,
                  const std::vector<Engine>& engines, const quant::ConvertSummary* summary) {
  const quant::PlanTotals& totals = conversion.plan.totals;
  if (options.json) {
    base::JsonArray modules;
    for (size_t i = 0; i < conversion.serving.specs.size(); ++i) {
      if (conversion.serving.reasons[i].empty()) continue;
      modules.emplace_back(model::ModuleName(conversion.serving.specs[i].name));
    }
    base::JsonObject json = {{"output", options.out},
                             {"engines", Join(engines)},
                             {"linears_quantized", totals.linears_quantized},
                             {"linears_dequantized", conversion.serving.dequantized},
                             {"dequantized", std::move(modules)},
                             {"bytes_total", totals.bytes_total()},
                             {"tensors_total", totals.tensors_total()},
                             {"dry_run", summary == nullptr}};
    if (summary != nullptr) {
      json["was_complete"] = summary->was_complete;
      json["files_kept"] = summary->files_kept;
      json["bytes_written"] = summary->bytes_written;
      json["seconds"] = summary->seconds;
    }
    return Print(base::DumpJson(json, 2) + "\n");
  }
  if (summary != nullptr && summary->was_complete) {
    return Print(fmt::format("{}: is complete already, nothing to do\n", options.out));
  }
  Print(fmt::format("{}  {} linears dequantized to BF16 for {}, {} stay NVFP4\n", Bold(options.out),
                    base::WithCommas(conversion.serving.dequantized), Join(engines),
                    base::WithCommas(totals.linears_quantized)) +
        DequantizedText(conversion.serving) +
        fmt::format("  {}, {} tensors in {} files\n", HumanBytes(totals.bytes_total()),
                    base::WithCommas(totals.tensors_total()), conversion.plan.files.size()));
  if (summary == nullptr) return Print("dry run: nothing was written\n");
  Print(fmt::format("  {}\n", base::HumanSeconds(summary->seconds)));
}

Status RunConvert(const Options& options) {
  GLIMMER_ASSIGN(std::vector<Engine> engines, EnginesNamed(options.engines));
  if (engines.empty()) engines = {Engine::kVllm, Engine::kSglang, Engine::kTensorrtLlm};
  GLIMMER_ASSIGN(const check::Opened opened, check::Open(options.checkpoint));
  if (opened.config_error) return *opened.config_error;
  if (opened.weights_error) return *opened.weights_error;
  if (opened.config_only) {
    return base::Invalid(Quoted(options.checkpoint) + ": is a file, expected a checkpoint folder");
  }
  GLIMMER_ASSIGN(const Conversion conversion, Prepare(options, opened, engines));
  for (const std::string& warning : conversion.plan.warnings) {
    std::fprintf(stderr, "glimmer: warning: %s\n", warning.c_str());
  }
  if (options.dry_run) {
    GLIMMER_ASSIGN([[maybe_unused]] const quant::OutputState state,
                   quant::CheckOutput(conversion.plan, conversion.companions, options.out,
                                      conversion.settings, options.resume));
    PrintSummary(options, conversion, engines, nullptr);
    return {};
  }
  const quant::PackedSource source(conversion.plan.specs, opened.model.weights);
  quant::Progress progress;
  Result<quant::ConvertSummary> summary = [&] {
    const ProgressLine line("converting", progress.source_bytes_done,
                            conversion.plan.totals.bytes_source, ProgressLine::Unit::kBytes,
                            &progress.source_bytes_kept);
    return quant::Convert(
        conversion.plan, source, conversion.companions, options.out, conversion.settings,
        {.workers = quant::ConvertWorkers(), .resume = options.resume}, Interrupted(), progress);
  }();
  if (!summary.ok()) return WithWayToGoOn(std::move(summary).error(), options.out);
  PrintSummary(options, conversion, engines, &summary.value());
  return {};
}

}  // namespace

void AddConvert(Command program) {
  auto options = std::make_shared<Options>();
  Command command = program.AddCommand(
      "convert", "Rewrite an NVFP4 checkpoint so that engines load it, without its BF16 original");
  command.AddOption("CHECKPOINT", &options->checkpoint, "NVFP4 checkpoint folder").Required();
  command.AddOption("OUT_DIR", &options->out, "New or empty folder").Required();
  command
      .AddOption("--recipe", &options->recipe,
                 "What may become BF16: a linear that the recipe keeps so is dequantized where an "
                 "engine demands it")
      .ShowDefault();
  command
      .AddOption("--engine", &options->engines,
                 "Engines that shall load it; vllm, sglang and tensorrt-llm if none is named")
      .OneValueEach();
  command.AddFlag("--resume", &options->resume,
                  "Go on with an unfinished conversion; files that are complete are verified and "
                  "kept");
  command.AddFlag("--dry-run", &options->dry_run, "Check everything and say what would be done");
  command.AddOption("--max-shard-size", &options->max_shard_size, "Size of a numbered shard")
      .ShowDefault();
  command.AddFlag("--json", &options->json, "Print the summary as JSON");
  command.SetFooter("Example:\n  glimmer convert out out-serve --engine vllm");
  command.SetBody([options] { return RunConvert(*options); });
}

}  // namespace glimmer::apps
