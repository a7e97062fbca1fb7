#include "apps/check_view.h"
#include "apps/command.h"
#include "apps/engine_names.h"
#include "apps/terminal.h"
#include "base/json.h"
#include "check/deep.h"
#include "check/integrity.h"
#include "check/sha256_list.h"
#include "quant/convert.h"

namespace glimmer::apps {
namespace {

using base::Status;
using check::Engine;

struct Options {
  std::string checkpoint;
  std::string base;
  std::string sha256;
  std::vector<std::string> engines;
  bool deep = false;
  bool strict = false;
  bool json = false;
};

Status LookDeep(const check::Opened& opened, CheckResult& result,
                std::vector<check::BlockScaleDefect>& nan_scales) {
  std::atomic<uint64_t> bytes_done{0};
  const ProgressLine line("reading", bytes_done, check::DeepBytes(opened));
  GLIMMER_ASSIGN(nan_scales, check::CheckDeep(opened, quant::ConvertWorkers(), Interrupted(),
                                              bytes_done, result.integrity));
  return {};
}

Status CompareHashes(const std::string& list_path, const check::Opened& opened,
                     CheckResult& result) {
  GLIMMER_ASSIGN(const std::vector<check::HashedFile> list, check::ReadSha256List(list_path));
  std::atomic<uint64_t> bytes_done{0};
  const ProgressLine line("hashing", bytes_done, check::ListedBytes(opened.folder, list));
  return check::CompareSha256(opened.folder, list_path, list, quant::ConvertWorkers(),
                              Interrupted(), bytes_done, result.integrity);
}

Status CompareBase(const std::string& base, const check::Opened& opened, CheckResult& result) {
  GLIMMER_ASSIGN(const model::LoadedCheckpoint original, model::LoadCheckpoint(base));
  uint64_t total_bytes = 0;
  for (const io::Shard& shard : original.weights.shards()) total_bytes += shard.file_bytes;
  std::atomic<uint64_t> bytes_done{0};
  const ProgressLine line("checking", bytes_done, total_bytes);
  GLIMMER_ASSIGN(result.base,
                 check::CompareWithBase(opened.model, original, quant::ConvertWorkers(),
                                        Interrupted(), bytes_done, result.integrity));
  return {};
}

Status RunCheck(const Options& options) {
  GLIMMER_ASSIGN(const std::vector<Engine> engines, EnginesNamed(options.engines));
  GLIMMER_ASSIGN(const check::Opened opened, check::Open(options.checkpoint));
  const bool other_model = opened.config_error && !opened.config_only;
  if (other_model && (!opened.announced.any() || io::Checkpoint::HasWeights(opened.folder))) {
    return *opened.config_error;
  }
  CheckResult result;
  result.path = options.checkpoint;
  result.strict = options.strict;
  if (opened.has_weights()) result.scan = check::ScanTensors(opened);
  const check::Scan* scan = result.scan ? &*result.scan : nullptr;
  result.integrity = check::CheckIntegrity(opened, scan);
  std::vector<check::BlockScaleDefect> nan_scales;
  if (options.deep && scan != nullptr) GLIMMER_TRY(LookDeep(opened, result, nan_scales));
  if (!options.sha256.empty()) GLIMMER_TRY(CompareHashes(options.sha256, opened, result));
  if (!options.base.empty()) {
    if (scan != nullptr && !result.integrity.fails(false)) {
      GLIMMER_TRY(CompareBase(options.base, opened, result));
    } else {
      std::fprintf(stderr, "glimmer: --base: not compared, since %s\n",
                   scan == nullptr ? "the tensors could not be read" : "there are defects");
    }
  }
  if (opened.has_inventory()) {
    const check::EngineInput input = {opened, scan,
                                      scan != nullptr ? check::FindUnequalScales(opened, *scan)
                                                      : std::vector<check::UnequalScale>(),
                                      std::move(nan_scales)};
    for (const Engine engine : engines) {
      result.engines.push_back(check::JudgeEngine(engine, input));
    }
  }
  Print(options.json ? base::DumpJson(CheckJson(opened, result), 2) + "\n"
                     : CheckText(opened, result));
  if (result.fails()) SetExitCode(kExitDefects);
  if (!result.fails() && !engines.empty() && !opened.has_inventory()) {
    return base::Error(*opened.config_error).In("--engine: not judged");
  }
  return {};
}

}  // namespace

void AddCheck(Command program) {
  auto options = std::make_shared<Options>();
  Command command =
      program.AddCommand("check", "Say whether a checkpoint is sound, and which engines load it");
  command
      .AddOption("CHECKPOINT", &options->checkpoint,
                 "Checkpoint folder, or a config.json to judge alone")
      .Required();
  command.AddOption("--base", &options->base,
                    "BF16 original: quantize it again and compare every byte");
  command
      .AddOption("--engine", &options->engines,
                 "Apply the rules of vllm, sglang, tensorrt-llm, glimmer or all")
      .OneValueEach();
  command.AddFlag("--deep", &options->deep,
                  "Read every block scale and unpacked weight: NaN, negative, infinite");
  command.AddOption("--sha256", &options->sha256,
                    "Compare the files with a list in the format of sha256sum");
  command.AddFlag("--strict", &options->strict, "Count warnings as defects");
  command.AddFlag("--json", &options->json, "Print JSON");
  command.SetFooter("Example:\n  glimmer check out --engine vllm --engine sglang");
  command.SetBody([options] { return RunCheck(*options); });
}

}  // namespace glimmer::apps
