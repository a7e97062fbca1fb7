// generation_config.json of a checkpoint: how its makers want answers to be drawn and where they
// end. Fields keep Hugging Face's names; a field that is absent or null is an empty optional.
//
// Sampling or not: `do_sample` decides. Without it, the file wants sampling when it names any of
// temperature, top_k, top_p and min_p, and greedy otherwise. transformers itself would be greedy in
// both cases (its default is do_sample = false), but the files of the GLM models name temperature
// and top_p without do_sample, and vLLM and SGLang sample with them.
// A filter that the file does not name is off. (transformers would use top_k = 50.)
//
// Nothing is ignored silently: an option that would change the text and that glimmer does not
// compute is refused unless it has its neutral value, and so is a field that nobody knows.
// transformers' bookkeeping, which cannot change the text, is accepted, and so is null anywhere.
// Source: transformers' GenerationConfig, 4.40 to 5.16.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json_types.h"
#include "base/result.h"
#include "engine/sampler.h"
#include "text/token.h"

namespace glimmer::engine {

inline constexpr char kGenerationConfigName[] = "generation_config.json";
constexpr uint64_t kMaxGenerationConfigBytes = 1 << 20;

struct GenerationConfig {
  std::optional<bool> do_sample;
  std::optional<double> temperature;
  std::optional<int64_t> top_k;  // 0 = off; the file may also say -1
  std::optional<double> top_p;
  std::optional<double> min_p;
  std::optional<double> repetition_penalty;
  std::optional<int64_t> max_new_tokens;
  std::optional<int64_t> max_length;        // prompt and answer; max_new_tokens wins
  std::vector<text::TokenId> eos_token_id;  // each of them ends an answer
  std::optional<text::TokenId> pad_token_id;
  std::optional<text::TokenId> bos_token_id;
  std::vector<std::string> stop_strings;

  bool WantsSampling() const;
  // Temperature 0 unless WantsSampling(); the seed is the caller's.
  SamplingOptions Sampling() const;
};

// What the model's config.json says.
struct ModelFacts {
  uint64_t vocab_size = 0;
  std::vector<int64_t> eos_token_id{};  // for a file without any
};

// Errors: kInvalid for a value of the wrong type or range, kUnsupported for an option that glimmer
// does not compute or know; one sentence that names `where` and the field and ends with the way
// out, `--generation-config none`.
base::Result<GenerationConfig> ParseGenerationConfig(const base::JsonObject& json,
                                                     const ModelFacts& model,
                                                     const std::string& where);

// Reads it from a checkpoint's folder; without the file everything has its default.
// Errors: those of parsing; kCorrupt for what is not a JSON object; kIo; kExhausted.
base::Result<GenerationConfig> ReadGenerationConfig(const std::string& model_dir,
                                                    const ModelFacts& model);

// The same without looking for the file: `--generation-config none`.
GenerationConfig DefaultGenerationConfig(const ModelFacts& model);

}  // namespace glimmer::engine
