#include "apps/calibration_input.h"

#include <fmt/format.h>

#include <cstdio>
#include <map>

#include "apps/command.h"
#include "apps/thread_count.h"
#include "base/file.h"
#include "base/free_memory.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "calib/calibrated_conversion.h"
#include "calib/memory.h"
#include "quant/convert.h"
#include "quant/version.h"

namespace glimmer::apps {
namespace {

using base::Result;

const std::map<std::string, model::Activations> kActivations = {{"bf16", model::Activations::kBf16},
                                                                {"f32", model::Activations::kF32}};
const std::map<std::string, model::ExpertInputScale> kSharing = {
    {"expert", model::ExpertInputScale::kExpert}, {"layer", model::ExpertInputScale::kLayer}};

}  // namespace

model::Settings CalibrationOptions::settings() const {
  return {.activations = kActivations.at(activations), .latent_norm_eps = latent_norm_eps};
}

model::ExpertInputScale CalibrationOptions::sharing() const {
  return kSharing.at(expert_input_scale);
}

size_t CalibrationOptions::thread_count() const { return ThreadCount(threads); }

Result<uint64_t> CalibrationOptions::memory_bytes() const {
  if (memory.empty()) return base::GrantedMemoryBytes() / 2;
  return base::ParseBytes(memory);
}

size_t CalibrationOptions::packing_workers() const {
  return threads == 0 ? quant::ConvertWorkers() : std::min(thread_count(), quant::kMaxWorkers);
}

Result<size_t> CalibrationOptions::packing_workers_within_memory(const quant::Plan& plan) const {
  size_t workers = packing_workers();
  if (memory.empty()) return workers;
  GLIMMER_ASSIGN(const uint64_t most, memory_bytes());
  while (workers > 1 && quant::ConvertMemoryBytes(plan, workers) > most) --workers;
  const uint64_t least = quant::ConvertMemoryBytes(plan, workers);
  if (least <= most) return workers;
  return base::Exhausted(fmt::format("--memory: expected at least {} for this model, found {}",
                                     base::HumanBytes(calib::RoundUpAsShown(least)),
                                     base::HumanBytes(most)));
}

base::Status CalibrationOptions::CheckUnusedByStats() const {
  return CheckNotGiven(declared, "with --stats");
}

base::Status CalibrationOptions::CheckUnusedByWeightsOnly() const {
  GLIMMER_TRY(CheckNotGiven(declared, "with --weights-only"));
  return CheckNotGiven(scaling, "with --weights-only");
}

void AddCalibrationOptions(Command command, CalibrationOptions& options) {
  options.declared = {
      command.AddOption("--calibration", &options.files,
                        "Files of calibration texts, FILE or FILE:SAMPLES: JSON lines, .txt, .gz, "
                        ".zst; a small set of glimmer's own by default"),
      command.AddOption("--samples", &options.samples, "Samples of all files together")
          .Range(size_t{1}, size_t{1} << 32)
          .ShowDefault(),
      command.AddOption("--seq-len", &options.seq_len, "Tokens of a sample; longer ones are cut")
          .Range(size_t{1}, size_t{1} << 20)
          .ShowDefault(),
      command.AddFlag("--chat", &options.chat,
                      "Put conversations through the chat template instead of joining their turns"),
      command
          .AddOption("--activations", &options.activations,
                     "Arithmetic of the calibration: bf16, or f32 (exact)")
          .OneOf({"bf16", "f32"})
          .ShowDefault()};
  options.scaling = {
      command
          .AddOption("--expert-input-scale", &options.expert_input_scale,
                     "Routed experts: each its own input_scale, or one for a layer and projection, "
                     "as modelopt")
          .OneOf({"expert", "layer"})
          .ShowDefault()};
  options.declared.push_back(
      command
          .AddOption("--latent-norm-eps", &options.latent_norm_eps,
                     "eps of the two latent norms: rms_norm_eps by default; transformers uses 1e-6")
          .Range(0.0, 1.0));
  command.AddOption("--memory", &options.memory,
                    "Anonymous memory to stay below, such as 16GiB; by default half of what "
                    "the machine or its control groups have");
  AddThreadsOption(command, &options.threads);
}

base::Status CheckCalibrationFiles(const CalibrationOptions& options) {
  for (const std::string& argument : options.files) {
    GLIMMER_ASSIGN(const data::CalibrationFile file, data::ParseCalibrationFile(argument));
    GLIMMER_ASSIGN([[maybe_unused]] const base::File opened, base::File::OpenForReading(file.path));
  }
  return {};
}

Result<data::CalibrationSet> ReadCalibration(const CalibrationOptions& options,
                                             const ModelInput& input) {
  if (options.seq_len != kDefaultSeqLen && options.seq_len > input.config.max_position_embeddings) {
    std::fprintf(stderr,
                 "glimmer: warning: samples are cut to %llu tokens, as max_position_embeddings of "
                 "the model's config.json says\n",
                 static_cast<unsigned long long>(input.config.max_position_embeddings));
  }
  data::DataOptions request = {
      .files = {},
      .samples = options.samples,
      .seq_len = std::min<uint64_t>(options.seq_len, input.config.max_position_embeddings),
      .turns = options.chat ? data::Turns::kTemplate : data::Turns::kJoined};
  for (const std::string& argument : options.files) {
    GLIMMER_ASSIGN(data::CalibrationFile file, data::ParseCalibrationFile(argument));
    request.files.push_back(std::move(file));
  }
  if (request.files.empty()) {
    request.files.push_back(data::DefaultCalibrationFile());
    std::fprintf(stderr, "glimmer: no --calibration given: using the small set %s\n",
                 request.files[0].path.c_str());
  }
  std::optional<text::Tokenizer> tokenizer;
  std::optional<chat::ChatTemplate> chat_template;
  const data::ModelText model = {
      .vocab_size = input.config.vocab_size,
      .tokenizer = [&]() -> Result<const text::Tokenizer*> {
        GLIMMER_ASSIGN(tokenizer,
                       text::Tokenizer::Load(base::JoinPath(input.folder, "tokenizer.json")));
        return &*tokenizer;
      },
      .chat_template = [&]() -> Result<const chat::ChatTemplate*> {
        GLIMMER_ASSIGN(chat_template, chat::ChatTemplate::Load(input.folder));
        return &*chat_template;
      }};
  GLIMMER_ASSIGN(data::CalibrationSet set, data::ReadCalibrationSet(request, model, Interrupted()));
  for (const data::FileReport& file : set.files) {
    for (const std::string& warning : data::Warnings(file)) {
      std::fprintf(stderr, "glimmer: warning: %s\n", warning.c_str());
    }
  }
  return set;
}

base::JsonObject StatsSettings(const CalibrationOptions& options, const ModelInput& input,
                               const data::CalibrationSet& set) {
  return {{"glimmer version", quant::kVersion},
          {calib::kSourceConfig, base::HashOf(input.config_text)},
          {calib::kActivations, options.activations},
          {"--latent-norm-eps", options.latent_norm_eps.value_or(input.config.rms_norm_eps)},
          {"calibration tokens", set.fingerprint}};
}

}  // namespace glimmer::apps
