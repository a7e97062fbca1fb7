// A checkpoint opened to compute with: options that `run`, `eval` and `bench` share, the model, its
// threads and its tokenizer.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "apps/options.h"
#include "base/json_types.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "engine/generation_config.h"
#include "model/loaded_checkpoint.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace glimmer::apps {

struct ModelOptions {
  std::string checkpoint;
  std::string activations = "bf16";
  std::string kv_cache;  // empty: as the checkpoint announces
  std::string expert_input_scale = "expert";
  std::string attention = "auto";
  std::string lm_head = "as-stored";
  std::optional<double> latent_norm_eps{};
  size_t threads = 0;  // 0: one for each core
};

void AddModelOptions(Command command, ModelOptions& options);
// Those of them that decide precision, without the checkpoint and --threads.
void AddSettingsOptions(Command command, ModelOptions& options);

struct OpenedModel {
  model::LoadedCheckpoint checkpoint;
  model::Model model;
  std::unique_ptr<base::ThreadPool> pool;

  // "BF16", or "NVFP4, 546 of 547 linears".
  std::string weights_name() const;
};

// Loads the weights into memory where they fit (apps/preload.h). Errors: those of LoadCheckpoint,
// LoadModel and PreloadWeights.
base::Result<OpenedModel> OpenToCompute(const ModelOptions& options);

// The checkpoint's tokenizer.json. Errors: those of reading it; kInvalid when it has more ids than
// the model's vocabulary.
base::Result<text::Tokenizer> OpenTokenizer(const OpenedModel& opened);

engine::ModelFacts FactsOf(const model::Model& model);

// How the model computes, for reports: {"activations": "bf16", …}.
base::JsonObject SettingsJson(const OpenedModel& opened);
// The same as one line: "NVFP4 (546 of 547 linears) weights, BF16 activations, FP8 KV cache,
// 2 threads, avx2", and LmHeadText.
std::string SettingsText(const OpenedModel& opened);
// What --lm-head did: "lm_head packed to NVFP4: 20.3 dB SNR (9.6 % error)", the error relative and
// RMS; empty where nothing was asked.
std::string LmHeadText(const OpenedModel& opened);

}  // namespace glimmer::apps
