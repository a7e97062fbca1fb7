#include <fmt/format.h>

#include "apps/command.h"
#include "apps/terminal.h"
#include "base/text.h"
#include "quant/check.h"
#include "quant/convert.h"

namespace glimmer::apps {
namespace {

using base::HumanBytes;
using base::Status;
using base::WithCommas;

struct Options {
  std::string checkpoint;
  std::string base;
  bool json = false;
};

std::string Text(const Options& options, const model::LoadedCheckpoint& checkpoint,
                 const quant::CheckReport& report) {
  const bool packed = checkpoint.format == model::WeightFormat::kModeloptNvfp4;
  std::string text =
      fmt::format("{}  {}, {} tensors, {}, {} linears quantized\n", Bold(options.checkpoint),
                  packed ? "NVFP4" : "BF16", WithCommas(report.tensors), HumanBytes(report.bytes),
                  WithCommas(report.linears_quantized));
  if (!report.scale_rule.empty()) {
    Table table({"module", "tensors", "quantized", "not as the base says", "relative error"},
                {Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight});
    for (size_t kind = 0; kind < report.kinds.size(); ++kind) {
      const quant::KindReport& row = report.kinds[kind];
      if (row.tensors == 0) continue;
      table.AddRow({std::string(model::ModuleKindName(static_cast<model::ModuleKind>(kind))),
                    WithCommas(row.tensors), WithCommas(row.quantized), WithCommas(row.differing),
                    row.quantized > 0 ? fmt::format("{:.3f} %", 100 * row.relative_rms()) : "-"});
    }
    text += table.Text();
    text += fmt::format("scales follow modelopt's arithmetic on the {}\n",
                        report.scale_rule == "cpu" ? "CPU" : "GPU");
  }
  for (const std::string& note : report.notes) text += "note: " + note + "\n";
  for (const std::string& defect : report.defects) text += Red("defect: ") + defect + "\n";
  if (report.defects.empty()) {
    text += Green("sound") + (options.base.empty()
                                  ? ": every tensor is there with its type, shape and scales\n"
                                  : ": every tensor is what quantizing the base gives\n");
  }
  return text;
}

base::JsonObject Json(const quant::CheckReport& report) {
  base::JsonArray modules;
  for (size_t kind = 0; kind < report.kinds.size(); ++kind) {
    const quant::KindReport& row = report.kinds[kind];
    if (row.tensors == 0) continue;
    modules.push_back({{"module", model::ModuleKindName(static_cast<model::ModuleKind>(kind))},
                       {"tensors", row.tensors},
                       {"quantized", row.quantized},
                       {"differing", row.differing},
                       {"relative_rms", row.relative_rms()}});
  }
  return {{"sound", report.defects.empty()},
          {"tensors", report.tensors},
          {"bytes", report.bytes},
          {"linears_quantized", report.linears_quantized},
          {"scale_rule", report.scale_rule},
          {"defects", base::JsonArray(report.defects.begin(), report.defects.end())},
          {"notes", base::JsonArray(report.notes.begin(), report.notes.end())},
          {"modules", std::move(modules)}};
}

Status RunCheck(const Options& options) {
  GLIMMER_ASSIGN(const model::LoadedCheckpoint checkpoint,
                 model::LoadCheckpoint(options.checkpoint));
  quant::CheckReport report = quant::CheckStructure(checkpoint);
  if (!options.base.empty() && report.defects.empty()) {
    GLIMMER_ASSIGN(const model::LoadedCheckpoint original, model::LoadCheckpoint(options.base));
    uint64_t total_bytes = 0;
    for (const io::Shard& shard : original.weights.shards()) total_bytes += shard.file_bytes;
    std::atomic<uint64_t> bytes_done{0};
    const ProgressLine line("checking", bytes_done, total_bytes);
    GLIMMER_TRY(quant::CheckAgainstBase(checkpoint, original, quant::ConvertWorkers(),
                                        Interrupted(), bytes_done, report));
  }
  Print(options.json ? base::DumpJson(Json(report), 2) + "\n" : Text(options, checkpoint, report));
  if (!report.defects.empty()) SetExitCode(kExitDefects);
  return {};
}

}  // namespace

void AddCheck(Command program) {
  auto options = std::make_shared<Options>();
  Command command = program.AddCommand("check", "Say whether a checkpoint is sound");
  command.AddOption("CHECKPOINT", &options->checkpoint, "Checkpoint folder").Required();
  command.AddOption("--base", &options->base,
                    "BF16 original: quantize it again and compare every byte");
  command.AddFlag("--json", &options->json, "Print JSON");
  command.SetFooter("Example:\n  glimmer check out --base models/reference");
  command.SetBody([options] { return RunCheck(*options); });
}

}  // namespace glimmer::apps
