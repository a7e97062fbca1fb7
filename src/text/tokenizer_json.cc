// Reads tokenizer.json into TokenizerParts: the model and its merges; tokenizer_fields.h has the
// small fields.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "text/byte_alphabet.h"
#include "text/tokenizer_document.h"
#include "text/tokenizer_fields.h"
#include "text/tokenizer_parts.h"

namespace glimmer::text {
namespace {

using base::Invalid;
using base::JsonFields;
using base::JsonObject;
using base::JsonValue;
using base::Quoted;
using base::Result;
using base::Status;
using base::Unsupported;

// Fields of the model that may only have the value that does nothing.
Status CheckNothingElse(const JsonObject& model, const std::string& where) {
  JsonFields fields(model, where);
  const std::string type = fields.StringOr("type", "BPE");
  const double dropout = fields.NumberOr("dropout", 0, 1, 0);
  const std::string prefix = fields.StringOr("continuing_subword_prefix", "");
  const std::string suffix = fields.StringOr("end_of_word_suffix", "");
  const bool fallback = fields.BoolOr("byte_fallback", false);
  (void)fields.BoolOr("fuse_unk", false);  // without unk_token there is nothing to fuse
  GLIMMER_TRY(fields.status());
  if (type != "BPE") {
    return Unsupported(
        fmt::format("{}.type: {} is not known; glimmer reads BPE", where, Quoted(type)));
  }
  const auto refusal = [&](std::string_view field) {
    return Unsupported(fmt::format("{}.{}: is set, which glimmer does not handle", where, field));
  };
  if (fields.Has("unk_token")) return refusal("unk_token");
  if (dropout != 0) return refusal("dropout");
  if (!prefix.empty()) return refusal("continuing_subword_prefix");
  if (!suffix.empty()) return refusal("end_of_word_suffix");
  if (fallback) return refusal("byte_fallback");
  return {};
}

Status ReadVocabulary(const TokenizerDocument& document, const std::string& where,
                      Vocabulary& vocabulary) {
  vocabulary.Reserve(document.tokens.size(), document.bytes.size());
  for (const TokenizerDocument::Token& token : document.tokens) {
    const std::string_view bytes = document.Bytes(token.begin, token.bytes);
    const Vocabulary::Added added =
        token.foreign ? vocabulary.AddForeign(bytes, token.id) : vocabulary.Add(bytes, token.id);
    if (added == Vocabulary::Added::kYes) continue;
    const bool id_taken = added == Vocabulary::Added::kIdTaken;
    return Invalid(fmt::format("{}.vocab: the {} stands there twice (token {}, id {})", where,
                               id_taken ? "id" : "token", Quoted(bytes), token.id));
  }
  return {};
}

// The id of a spelling from a rule with foreign characters, or -1.
TokenId FindSpelling(const Vocabulary& vocabulary, std::string_view spelling) {
  std::string bytes;
  return AppendAlphabetBytes(spelling, bytes) ? vocabulary.Find(bytes)
                                              : vocabulary.FindForeign(spelling);
}

// Left, right and what they make.
using RuleTexts = std::array<std::string_view, 3>;
using RuleIds = std::array<TokenId, 3>;

RuleTexts TextsOf(const TokenizerDocument& document, const TokenizerDocument::Rule& rule) {
  return {document.Bytes(rule.begin, rule.left_bytes),
          document.Bytes(rule.begin + rule.left_bytes, rule.right_bytes),
          document.Bytes(rule.begin, rule.left_bytes + rule.right_bytes)};
}

// Looks up the tokens of rules, some at a time. In a vocabulary of 150,000 tokens each look-up
// waits for memory; starting those of several rules first lets the waits overlap. What a rule
// makes need not be looked up at all in most files: rules stand in the order of their products.
class RuleReader {
 public:
  RuleReader(const TokenizerDocument& document, const Vocabulary& vocabulary)
      : document_(document), vocabulary_(vocabulary) {}

  // -1 where there is no such token.
  std::vector<RuleIds> IdsOf(std::span<const TokenizerDocument::Rule> rules) {
    std::vector<std::array<uint64_t, 2>> hashes(rules.size());
    for (size_t i = 0; i < rules.size(); ++i) {
      const RuleTexts texts = TextsOf(document_, rules[i]);
      for (size_t part = 0; part < 2; ++part) {
        hashes[i][part] = HashOf(texts[part]);
        vocabulary_.Prefetch(hashes[i][part]);
      }
    }
    std::vector<RuleIds> ids(rules.size());
    for (size_t i = 0; i < rules.size(); ++i) {
      const RuleTexts texts = TextsOf(document_, rules[i]);
      if (rules[i].foreign) {
        for (size_t part = 0; part < 3; ++part) {
          ids[i][part] = FindSpelling(vocabulary_, texts[part]);
        }
        continue;
      }
      for (size_t part = 0; part < 2; ++part) {
        ids[i][part] = vocabulary_.Find(texts[part], hashes[i][part]);
      }
      ids[i][2] = last_made_ = FindMade(texts[2]);
    }
    return ids;
  }

 private:
  TokenId FindMade(std::string_view bytes) const {
    for (const TokenId guess : {last_made_, last_made_ + 1}) {
      if (vocabulary_.Has(guess) && vocabulary_.Bytes(guess) == bytes &&
          !vocabulary_.IsForeign(guess)) {
        return guess;
      }
    }
    return vocabulary_.Find(bytes);
  }

  const TokenizerDocument& document_;
  const Vocabulary& vocabulary_;
  TokenId last_made_ = -1;
};

Status AddRule(const RuleTexts& texts, const RuleIds& ids, size_t rank, const std::string& where,
               MergeTable& merges) {
  for (size_t part = 0; part < texts.size(); ++part) {
    if (ids[part] >= 0) continue;
    return Invalid(fmt::format("{}.merges: rule {}: {} is no token of model.vocab", where, rank,
                               Quoted(texts[part])));
  }
  if (merges.Add(ids[0], ids[1], MakeMerge(static_cast<uint32_t>(rank), ids[2]))) return {};
  return Invalid(fmt::format("{}.merges: rule {}: the pair {} and {} has a rule already", where,
                             rank, Quoted(texts[0]), Quoted(texts[1])));
}

Status ReadMerges(const TokenizerDocument& document, const std::string& where,
                  const Vocabulary& vocabulary, MergeTable& merges) {
  constexpr size_t kAtOnce = 64;
  const std::span<const TokenizerDocument::Rule> rules = document.rules;
  merges.Reserve(rules.size());
  RuleReader reader(document, vocabulary);
  for (size_t first = 0; first < rules.size(); first += kAtOnce) {
    const auto some = rules.subspan(first, std::min(kAtOnce, rules.size() - first));
    const std::vector<RuleIds> ids = reader.IdsOf(some);
    for (const RuleIds& rule : ids) merges.Prefetch(rule[0], rule[1]);
    for (size_t i = 0; i < some.size(); ++i) {
      GLIMMER_TRY(AddRule(TextsOf(document, some[i]), ids[i], first + i, where, merges));
    }
  }
  return {};
}

Status ReadModel(const TokenizerDocument& document, const std::string& where,
                 TokenizerParts& parts) {
  const JsonValue* value = MemberOrNull(document.tree, "model");
  if (value == nullptr || !value->is_object()) return Invalid(where + ": expected an object");
  const JsonObject& model = value->get_object();
  GLIMMER_TRY(CheckNothingElse(model, where));
  GLIMMER_TRY(
      CheckKeys(model, where,
                {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                 "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"}));
  JsonFields fields(model, where);
  const bool ignore_merges = fields.BoolOr("ignore_merges", false);
  const bool has_vocab = fields.ObjectOrNull("vocab") != nullptr;
  if (!has_vocab) fields.Fail("vocab", "is missing");
  (void)fields.Strings("merges");  // empty when read by the document parser
  if (!fields.Has("merges")) fields.Fail("merges", "is missing");
  GLIMMER_TRY(fields.status());
  if (ignore_merges) parts.whole_words = Bpe::WholeWords::kFirst;
  GLIMMER_TRY(ReadVocabulary(document, where, parts.vocabulary));
  return ReadMerges(document, where, parts.vocabulary, parts.merges);
}

}  // namespace

Result<TokenizerParts> ReadTokenizerJson(std::string_view json, const std::string& source) {
  GLIMMER_TRY(CheckFileSize(json, source));
  GLIMMER_ASSIGN(const TokenizerDocument document, ParseTokenizerDocument(json, source));
  const JsonObject& tree = document.tree;
  if (!tree.contains("model")) {
    return base::Corrupt(source + ": expected a tokenizer.json, found no field \"model\"");
  }
  GLIMMER_TRY(CheckKeys(tree, source,
                        {"version", "truncation", "padding", "added_tokens", "normalizer",
                         "pre_tokenizer", "post_processor", "decoder", "model"}));
  const auto at = [&](const char* field) { return source + ": " + field; };
  TokenizerParts parts;
  GLIMMER_TRY(ReadModel(document, at("model"), parts));  // first: it says what kind this is
  GLIMMER_ASSIGN(parts.normalization,
                 ReadNormalizer(MemberOrNull(tree, "normalizer"), at("normalizer")));
  GLIMMER_ASSIGN(parts.pre_tokenizer,
                 ReadPreTokenizer(MemberOrNull(tree, "pre_tokenizer"), at("pre_tokenizer")));
  GLIMMER_ASSIGN(parts.special,
                 ReadPostProcessor(MemberOrNull(tree, "post_processor"), at("post_processor")));
  GLIMMER_TRY(CheckDecoder(MemberOrNull(tree, "decoder"), at("decoder")));
  GLIMMER_ASSIGN(parts.added_tokens,
                 ReadAddedTokens(MemberOrNull(tree, "added_tokens"), at("added_tokens")));
  return parts;
}

}  // namespace glimmer::text
