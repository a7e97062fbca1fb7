#include "engine/generation_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace glimmer::engine {
namespace {

using base::JsonArray;
using base::JsonFields;
using base::JsonObject;
using base::JsonValue;
using base::Result;
using base::Status;
using text::TokenId;

constexpr char kWayOut[] = "; --generation-config none ignores the file";
constexpr int64_t kMaxTokens = int64_t{1} << 40;

// What ReadFields() reads.
constexpr std::string_view kOwnFields[] = {"do_sample",      "temperature",  "top_k",
                                           "top_p",          "min_p",        "repetition_penalty",
                                           "max_new_tokens", "max_length",   "eos_token_id",
                                           "pad_token_id",   "bos_token_id", "stop_strings"};

// Cannot change the text: records, the cache, speculation, beams (of which there is one), and
// renormalising, which sampling does anyway. Besides these, everything that begins with `output_`.
constexpr std::string_view kBookkeeping[] = {"_from_model_config",
                                             "_commit_hash",
                                             "_original_object_hash",
                                             "transformers_version",
                                             "use_cache",
                                             "cache_implementation",
                                             "cache_config",
                                             "return_legacy_cache",
                                             "prefill_chunk_size",
                                             "return_dict_in_generate",
                                             "low_memory",
                                             "early_stopping",
                                             "length_penalty",
                                             "renormalize_logits",
                                             "is_assistant",
                                             "num_assistant_tokens",
                                             "num_assistant_tokens_schedule",
                                             "assistant_confidence_threshold",
                                             "prompt_lookup_num_tokens",
                                             "max_matching_ngram_size",
                                             "assistant_early_exit",
                                             "assistant_lookbehind",
                                             "target_lookbehind",
                                             "compile_config",
                                             "disable_compile"};

struct NeutralNumber {
  std::string_view field;
  double neutral;
};
constexpr NeutralNumber kNeutralNumbers[] = {{"num_beams", 1},
                                             {"num_beam_groups", 1},
                                             {"num_return_sequences", 1},
                                             {"penalty_alpha", 0},
                                             {"typical_p", 1},
                                             {"epsilon_cutoff", 0},
                                             {"eta_cutoff", 0},
                                             {"diversity_penalty", 0},
                                             {"encoder_repetition_penalty", 1},
                                             {"no_repeat_ngram_size", 0},
                                             {"encoder_no_repeat_ngram_size", 0},
                                             {"min_length", 0},
                                             {"min_new_tokens", 0},
                                             {"guidance_scale", 1}};

constexpr std::string_view kNeutralWhenFalse[] = {"token_healing", "remove_invalid_values"};

constexpr std::string_view kNeutralWhenEmpty[] = {"bad_words_ids",
                                                  "force_words_ids",
                                                  "constraints",
                                                  "forced_bos_token_id",
                                                  "forced_eos_token_id",
                                                  "exponential_decay_length_penalty",
                                                  "suppress_tokens",
                                                  "begin_suppress_tokens",
                                                  "forced_decoder_ids",
                                                  "sequence_bias",
                                                  "watermarking_config",
                                                  "dola_layers",
                                                  "decoder_start_token_id",
                                                  "generation_kwargs",
                                                  "max_time",
                                                  "top_h"};

template <typename List>
bool Contains(const List& list, std::string_view field) {
  return std::find(std::begin(list), std::end(list), field) != std::end(list);
}

bool IsEmpty(const JsonValue& value) {
  return (value.is_array() && value.get_array().empty()) ||
         (value.is_object() && value.get_object().empty());
}

// Nothing for a field that may stay, else what was expected of it.
std::optional<std::string> ObjectionTo(std::string_view field, const JsonValue& value) {
  if (value.is_null() || field.starts_with("output_")) return std::nullopt;
  if (Contains(kOwnFields, field) || Contains(kBookkeeping, field)) return std::nullopt;
  for (const NeutralNumber& known : kNeutralNumbers) {
    if (known.field != field) continue;
    if (value.is_number() && value.to_number<double>() == known.neutral) return std::nullopt;
    return fmt::format("only {}, which is without effect, is supported", known.neutral);
  }
  if (Contains(kNeutralWhenFalse, field)) {
    if (value.is_bool() && !value.get_bool()) return std::nullopt;
    return "only false is supported";
  }
  if (Contains(kNeutralWhenEmpty, field)) {
    if (IsEmpty(value)) return std::nullopt;
    return "the option is not supported, expected null";
  }
  return "expected an option of transformers' GenerationConfig";
}

Status RefuseOtherOptions(const JsonObject& json, const std::string& where) {
  for (const auto& member : json) {
    const auto objection = ObjectionTo(member.key(), member.value());
    if (!objection) continue;
    return base::Unsupported(fmt::format("{}: {}: {}, found {}", where,
                                         std::string_view(member.key()), *objection,
                                         base::Shown(member.value())));
  }
  return {};
}

std::optional<double> Number(JsonFields& fields, std::string_view key, double least, double most) {
  if (!fields.Has(key)) return std::nullopt;
  return fields.NumberOr(key, least, most, least);
}

std::optional<int64_t> Count(JsonFields& fields, std::string_view key, int64_t least,
                             int64_t most) {
  if (!fields.Has(key)) return std::nullopt;
  return fields.IntOr(key, least, most, least);
}

std::optional<TokenId> Token(JsonFields& fields, std::string_view key, int64_t vocab_size) {
  if (!fields.Has(key)) return std::nullopt;
  return static_cast<TokenId>(fields.IntOr(key, 0, vocab_size - 1, 0));
}

// One value or an array of them.
JsonArray OneOrMany(const JsonObject& json, std::string_view key) {
  const JsonValue* value = json.if_contains(key);
  if (value == nullptr || value->is_null()) return {};
  return value->is_array() ? value->get_array() : JsonArray{*value};
}

void ReadEos(const JsonObject& json, JsonFields& fields, const ModelFacts& model,
             GenerationConfig& config) {
  if (fields.Has("eos_token_id")) {
    for (const JsonValue& id : OneOrMany(json, "eos_token_id")) {
      if (id.is_int64() && id.get_int64() >= 0 &&
          static_cast<uint64_t>(id.get_int64()) < model.vocab_size) {
        config.eos_token_id.push_back(static_cast<TokenId>(id.get_int64()));
        continue;
      }
      fields.Fail("eos_token_id", fmt::format("expected ids from 0 to {}, found {}",
                                              model.vocab_size - 1, base::Shown(id)));
    }
    if (config.eos_token_id.empty()) fields.Fail("eos_token_id", "expected an id, found []");
    return;
  }
  for (const int64_t id : model.eos_token_id) {
    config.eos_token_id.push_back(static_cast<TokenId>(id));
  }
}

void ReadStopStrings(const JsonObject& json, JsonFields& fields, GenerationConfig& config) {
  for (const JsonValue& item : OneOrMany(json, "stop_strings")) {
    if (item.is_string() && !item.get_string().empty()) {
      config.stop_strings.emplace_back(item.get_string());
      continue;
    }
    fields.Fail("stop_strings",
                "expected a text or texts that are not empty, found " + base::Shown(item));
  }
}

GenerationConfig ReadFields(const JsonObject& json, JsonFields& fields, const ModelFacts& model) {
  GenerationConfig config;
  const auto vocab_size = static_cast<int64_t>(model.vocab_size);
  if (fields.Has("do_sample")) config.do_sample = fields.BoolOr("do_sample", false);
  config.temperature = Number(fields, "temperature", 0, kMaxTemperature);
  config.top_k = Count(fields, "top_k", -1, kMaxTokens);
  if (config.top_k == -1) config.top_k = 0;
  config.top_p = Number(fields, "top_p", 0, 1);
  if (config.top_p == 0.0) fields.Fail("top_p", "expected a number above 0, found 0");
  config.min_p = Number(fields, "min_p", 0, 1);
  config.repetition_penalty =
      Number(fields, "repetition_penalty", kLeastRepetitionPenalty, kMaxRepetitionPenalty);
  config.max_new_tokens = Count(fields, "max_new_tokens", 1, kMaxTokens);
  config.max_length = Count(fields, "max_length", 1, kMaxTokens);
  config.pad_token_id = Token(fields, "pad_token_id", vocab_size);
  config.bos_token_id = Token(fields, "bos_token_id", vocab_size);
  ReadEos(json, fields, model, config);
  ReadStopStrings(json, fields, config);
  return config;
}

}  // namespace

bool GenerationConfig::WantsSampling() const {
  return do_sample.value_or(temperature || top_k || top_p || min_p);
}

SamplingOptions GenerationConfig::Sampling() const {
  SamplingOptions options;
  options.temperature = WantsSampling() ? temperature.value_or(1) : 0;
  options.top_k = top_k.value_or(0);
  options.top_p = top_p.value_or(1);
  options.min_p = min_p.value_or(0);
  options.repetition_penalty = repetition_penalty.value_or(1);
  return options;
}

Result<GenerationConfig> ParseGenerationConfig(const JsonObject& json, const ModelFacts& model,
                                               const std::string& where) {
  JsonFields fields(json, where);
  GenerationConfig config = ReadFields(json, fields, model);
  Status status = fields.status();
  if (status.ok()) status = RefuseOtherOptions(json, where);
  if (status.ok()) return config;
  return base::Error{status.error().kind, status.error().message + kWayOut};
}

Result<GenerationConfig> ReadGenerationConfig(const std::string& model_dir,
                                              const ModelFacts& model) {
  const std::string path = base::JoinPath(model_dir, kGenerationConfigName);
  if (!base::FileExists(path)) return DefaultGenerationConfig(model);
  GLIMMER_ASSIGN(const JsonObject json, base::ReadJsonObject(path, kMaxGenerationConfigBytes));
  return ParseGenerationConfig(json, model, base::Quoted(path));
}

GenerationConfig DefaultGenerationConfig(const ModelFacts& model) {
  const JsonObject nothing;
  JsonFields fields(nothing, kGenerationConfigName);
  return ReadFields(nothing, fields, model);
}

}  // namespace glimmer::engine
