#include "apps/open_model.h"

#include <fmt/format.h>

#include <map>

#include "apps/preload.h"
#include "apps/thread_count.h"
#include "base/file.h"
#include "base/text.h"
#include "kernels/isa.h"

namespace glimmer::apps {
namespace {

using base::Quoted;
using base::Result;
using model::Activations;
using model::AttentionPath;
using model::ExpertInputScale;
using model::KvCacheType;
using model::LmHead;

// What options call the model's settings.
const std::map<std::string, Activations> kActivations = {{"f32", Activations::kF32},
                                                         {"bf16", Activations::kBf16},
                                                         {"int8", Activations::kInt8},
                                                         {"nvfp4", Activations::kNvfp4}};
const std::map<std::string, KvCacheType> kKvCaches = {
    {"f32", KvCacheType::kF32}, {"bf16", KvCacheType::kBf16}, {"fp8", KvCacheType::kFp8}};
const std::map<std::string, ExpertInputScale> kExpertScales = {
    {"expert", ExpertInputScale::kExpert}, {"layer", ExpertInputScale::kLayer}};
const std::map<std::string, AttentionPath> kAttentionPaths = {
    {"auto", AttentionPath::kAuto},
    {"absorbed", AttentionPath::kAbsorbed},
    {"expanded", AttentionPath::kExpanded}};
const std::map<std::string, LmHead> kLmHeads = {
    {"as-stored", LmHead::kAsStored}, {"nvfp4", LmHead::kNvfp4}, {"fp8", LmHead::kFp8}};

template <typename Value>
std::string NameOf(const std::map<std::string, Value>& names, Value value) {
  for (const auto& [name, candidate] : names) {
    if (candidate == value) return name;
  }
  return "";
}

template <typename Value>
std::vector<std::string> Names(const std::map<std::string, Value>& names) {
  std::vector<std::string> list;
  for (const auto& entry : names) list.push_back(entry.first);
  return list;
}

}  // namespace

void AddModelOptions(Command command, ModelOptions& options) {
  command.AddOption("CHECKPOINT", &options.checkpoint, "Checkpoint folder, BF16 or NVFP4")
      .Required();
  AddSettingsOptions(command, options);
  AddThreadsOption(command, &options.threads);
}

void AddSettingsOptions(Command command, ModelOptions& options) {
  command
      .AddOption("--activations", &options.activations,
                 "What inputs of linears are rounded to: f32 (the reference), bf16, int8 (the "
                 "fastest for prompts), or nvfp4 (W4A4, as a Blackwell GPU; needs input scales)")
      .OneOf(Names(kActivations))
      .ShowDefault();
  command
      .AddOption("--kv-cache", &options.kv_cache,
                 "What the cache holds: f32, bf16 or fp8; by default what the checkpoint "
                 "announces, else bf16 with bf16 or int8 activations and f32 otherwise")
      .OneOf(Names(kKvCaches));
  command
      .AddOption("--expert-input-scale", &options.expert_input_scale,
                 "With nvfp4 activations: each expert's own scale, or the largest of its layer")
      .OneOf(Names(kExpertScales))
      .ShowDefault();
  command
      .AddOption("--latent-norm-eps", &options.latent_norm_eps,
                 "eps of the two latent norms: rms_norm_eps by default; transformers uses 1e-6")
      .Range(0.0, 1.0);
  command
      .AddOption("--attention", &options.attention,
                 "absorbed or expanded MLA: the same function, rounded differently")
      .OneOf(Names(kAttentionPaths))
      .ShowDefault();
  command
      .AddOption(
          "--lm-head", &options.lm_head,
          "The output matrix as-stored, or packed at load into nvfp4 or fp8: fewer bytes for "
          "each token, with the loss printed")
      .OneOf(Names(kLmHeads))
      .ShowDefault();
}

Result<OpenedModel> OpenToCompute(const ModelOptions& options) {
  GLIMMER_ASSIGN(model::LoadedCheckpoint checkpoint, model::LoadCheckpoint(options.checkpoint));
  model::Settings settings = {.activations = kActivations.at(options.activations),
                              .expert_input_scale = kExpertScales.at(options.expert_input_scale),
                              .attention = kAttentionPaths.at(options.attention),
                              .latent_norm_eps = options.latent_norm_eps,
                              .lm_head = kLmHeads.at(options.lm_head)};
  if (!options.kv_cache.empty()) settings.kv_cache = kKvCaches.at(options.kv_cache);
  const size_t threads = ThreadCount(options.threads);
  GLIMMER_ASSIGN(model::Model model, model::LoadModel(checkpoint, settings, threads));
  GLIMMER_TRY(PreloadWeights(model.weights, threads));
  return OpenedModel{std::move(checkpoint), std::move(model),
                     std::make_unique<base::ThreadPool>(threads)};
}

std::string OpenedModel::weights_name() const {
  size_t linears = 0, packed = 0;
  for (const model::TensorSpec& spec : checkpoint.specs) {
    if (!model::IsLinear(spec.kind) || spec.mtp) continue;
    ++linears;
    const std::string scale = model::PartName(spec.name, model::Part::kWeightScale);
    packed += checkpoint.weights.Find(scale).info != nullptr;
  }
  if (packed == 0) return "BF16";
  return fmt::format("NVFP4 ({} of {} linears)", base::WithCommas(packed),
                     base::WithCommas(linears));
}

Result<text::Tokenizer> OpenTokenizer(const OpenedModel& opened) {
  const std::string path = base::JoinPath(opened.checkpoint.weights.folder(), "tokenizer.json");
  GLIMMER_ASSIGN(text::Tokenizer tokenizer, text::Tokenizer::Load(path));
  if (tokenizer.VocabSize() > opened.model.config.vocab_size) {
    return base::Invalid(fmt::format("{}: has ids up to {}, but vocab_size in {} is {}",
                                     Quoted(path), tokenizer.VocabSize() - 1, model::kConfigName,
                                     opened.model.config.vocab_size));
  }
  return tokenizer;
}

engine::ModelFacts FactsOf(const model::Model& model) {
  return {.vocab_size = model.config.vocab_size, .eos_token_id = model.config.eos_token_id};
}

base::JsonObject SettingsJson(const OpenedModel& opened) {
  const model::Model& model = opened.model;
  const auto snr = model.lm_head_error ? model.lm_head_error->snr_db() : std::nullopt;
  return {{"activations", NameOf(kActivations, model.settings.activations)},
          {"kv_cache", NameOf(kKvCaches, model.kv_cache)},
          {"expert_input_scale", NameOf(kExpertScales, model.settings.expert_input_scale)},
          {"latent_norm_eps", model.settings.latent_norm_eps.value_or(model.config.rms_norm_eps)},
          {"attention", NameOf(kAttentionPaths, model.settings.attention)},
          {"lm_head", NameOf(kLmHeads, model.settings.lm_head)},
          {"lm_head_snr_db", snr ? base::JsonValue(*snr) : base::JsonValue()},
          {"threads", opened.pool->threads()},
          {"instruction_set", kernels::IsaName(kernels::ActiveIsa())}};
}

std::string SettingsText(const OpenedModel& opened) {
  const model::Model& model = opened.model;
  const std::string lm_head = LmHeadText(opened);
  return fmt::format("{} weights, {} activations, {} KV cache, {} thread{}, {}{}{}",
                     opened.weights_name(),
                     base::UpperCase(NameOf(kActivations, model.settings.activations)),
                     base::UpperCase(NameOf(kKvCaches, model.kv_cache)), opened.pool->threads(),
                     opened.pool->threads() == 1 ? "" : "s", kernels::IsaName(kernels::ActiveIsa()),
                     lm_head.empty() ? "" : ", ", lm_head);
}

std::string LmHeadText(const OpenedModel& opened) {
  const model::Model& model = opened.model;
  if (model.settings.lm_head == LmHead::kAsStored) return "";
  const std::string format = base::UpperCase(NameOf(kLmHeads, model.settings.lm_head));
  if (!model.lm_head_error) return fmt::format("lm_head {} as stored", format);
  const auto snr = model.lm_head_error->snr_db();
  if (!snr) return fmt::format("lm_head packed to {}: exact", format);
  return fmt::format("lm_head packed to {}: {:.1f} dB SNR ({:.1f} % error)", format, *snr,
                     100 * model.lm_head_error->relative_rms());
}

}  // namespace glimmer::apps
