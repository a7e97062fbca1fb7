// The tokenizer and the generation settings against the model's vocabulary.
#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "check/integrity.h"
#include "check/integrity_rules.h"
#include "text/tokenizer.h"

namespace glimmer::check {
namespace {

constexpr char kTokenizerName[] = "tokenizer.json";
constexpr char kGenerationName[] = "generation_config.json";

void CheckTokenizer(const Opened& opened, Findings& findings) {
  const std::string path = base::JoinPath(opened.folder, kTokenizerName);
  if (!base::FileExists(path)) {
    findings.Add(integrity::kNoTokenizer, kTokenizerName,
                 fmt::format("{} is missing: engines need it to serve text", kTokenizerName));
    return;
  }
  const auto tokenizer = text::Tokenizer::Load(path);
  if (!tokenizer.ok()) {
    findings.Add(integrity::kTokenizer, kTokenizerName, tokenizer.error().message);
    return;
  }
  const uint64_t ids = tokenizer.value().VocabSize(), rows = opened.model.config.vocab_size;
  if (ids <= rows) return;
  findings.Add(integrity::kVocabulary, kTokenizerName,
               fmt::format("{} has {} ids, more than vocab_size {} in {}", kTokenizerName, ids,
                           rows, model::kConfigName));
}

void CheckGeneration(const Opened& opened, Findings& findings) {
  const std::string path = base::JoinPath(opened.folder, kGenerationName);
  if (!base::FileExists(path)) {
    findings.Add(integrity::kNoGenerationConfig, kGenerationName,
                 fmt::format("{} is missing: engines fall back to their own sampling and to the "
                             "end tokens of {}",
                             kGenerationName, model::kConfigName));
    return;
  }
  const auto json = base::ReadJsonObject(path, model::kMaxConfigBytes);
  if (!json.ok()) {
    findings.Add(integrity::kVocabulary, kGenerationName, json.error().message);
    return;
  }
  const base::JsonValue* eos = json.value().if_contains("eos_token_id");
  if (eos == nullptr || eos->is_null()) return;
  const base::JsonArray one = {*eos};
  for (const base::JsonValue& id : eos->is_array() ? eos->get_array() : one) {
    const bool valid = id.is_int64() && id.get_int64() >= 0 &&
                       static_cast<uint64_t>(id.get_int64()) < opened.model.config.vocab_size;
    if (valid) continue;
    findings.Add(integrity::kVocabulary, kGenerationName,
                 fmt::format("{}: eos_token_id: expected ids below vocab_size {}, found {}",
                             kGenerationName, opened.model.config.vocab_size, base::Shown(id)));
  }
}

}  // namespace

void CheckVocabulary(const Opened& opened, Findings& findings) {
  if (!opened.has_inventory() || opened.config_only) return;
  CheckTokenizer(opened, findings);
  CheckGeneration(opened, findings);
}

}  // namespace glimmer::check
