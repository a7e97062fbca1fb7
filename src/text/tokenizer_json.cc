// Reads tokenizer.json into TokenizerParts: the model and its merges; tokenizer_fields.h has the
// small fields.
#include <fmt/format.h>

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

Status ReadMerges(const TokenizerDocument& document, const std::string& where,
                  const Vocabulary& vocabulary, MergeTable& merges) {
  merges.Reserve(document.rules.size());
  for (size_t rank = 0; rank < document.rules.size(); ++rank) {
    const TokenizerDocument::Rule& rule = document.rules[rank];
    const uint32_t whole_bytes = rule.left_bytes + rule.right_bytes;
    const std::array<std::string_view, 3> parts = {
        document.Bytes(rule.begin, rule.left_bytes),
        document.Bytes(rule.begin + rule.left_bytes, rule.right_bytes),
        document.Bytes(rule.begin, whole_bytes)};
    std::array<TokenId, 3> ids;
    for (size_t i = 0; i < parts.size(); ++i) {
      ids[i] = rule.foreign ? FindSpelling(vocabulary, parts[i]) : vocabulary.Find(parts[i]);
      if (ids[i] >= 0) continue;
      return Invalid(fmt::format("{}.merges: rule {}: {} is no token of {}.vocab", where, rank,
                                 Quoted(parts[i]), where));
    }
    if (!merges.Add(ids[0], ids[1], MakeMerge(static_cast<uint32_t>(rank), ids[2]))) {
      return Invalid(fmt::format("{}.merges: rule {}: the pair {} and {} has a rule already", where,
                                 rank, Quoted(parts[0]), Quoted(parts[1])));
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
  GLIMMER_ASSIGN(const TokenizerDocument document, ParseTokenizerDocument(json, source));
  const JsonObject& tree = document.tree;
  GLIMMER_TRY(CheckKeys(tree, source,
                        {"version", "truncation", "padding", "added_tokens", "normalizer",
                         "pre_tokenizer", "post_processor", "decoder", "model"}));
  const auto at = [&](const char* field) { return source + ": " + field; };
  TokenizerParts parts;
  GLIMMER_ASSIGN(parts.normalization,
                 ReadNormalizer(MemberOrNull(tree, "normalizer"), at("normalizer")));
  GLIMMER_ASSIGN(parts.pre_tokenizer,
                 ReadPreTokenizer(MemberOrNull(tree, "pre_tokenizer"), at("pre_tokenizer")));
  GLIMMER_ASSIGN(parts.special,
                 ReadPostProcessor(MemberOrNull(tree, "post_processor"), at("post_processor")));
  GLIMMER_TRY(CheckDecoder(MemberOrNull(tree, "decoder"), at("decoder")));
  GLIMMER_ASSIGN(parts.added_tokens,
                 ReadAddedTokens(MemberOrNull(tree, "added_tokens"), at("added_tokens")));
  GLIMMER_TRY(ReadModel(document, at("model"), parts));
  return parts;
}

}  // namespace glimmer::text
