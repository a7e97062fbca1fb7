// Puts a tokenizer together from the parts of either file format, and refuses parts that
// contradict each other.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "text/byte_alphabet.h"
#include "text/tokenizer_parts.h"
#include "text/tokenizer_state.h"
#include "unicode/nfc.h"

namespace glimmer::text {
namespace {

using base::Invalid;
using base::Quoted;
using base::Result;
using base::Status;
using unicode::NormalizeNfc;

// True for bytes that some valid UTF-8 text holds.
bool OccursInUtf8(int byte) { return byte < 0xc0 || (byte >= 0xc2 && byte <= 0xf4); }

Result<std::array<TokenId, 256>> ByteIds(const Vocabulary& vocabulary, const std::string& source) {
  std::array<TokenId, 256> ids;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    ids[byte] = vocabulary.Find(std::string_view(&c, 1));
    if (ids[byte] < 0 && OccursInUtf8(byte)) {
      return Invalid(
          fmt::format("{}: the vocabulary has no token for the byte {:#04x}, so that "
                      "some text could not be encoded",
                      source, byte));
    }
  }
  return ids;
}

// What is looked for in the text, and what the token decodes to.
std::string SoughtContent(const AddedToken& token, Normalization normalization) {
  std::string content = token.content;
  if (token.normalized && normalization == Normalization::kNfc) {
    NormalizeNfc(token.content, content);
  }
  return content;
}

// Puts the added tokens that the model does not have into the vocabulary.
Status AddToVocabulary(const TokenizerParts& parts, const std::string& source,
                       Vocabulary& vocabulary, std::unordered_map<std::string, TokenId>& ids) {
  for (const AddedToken& token : parts.added_tokens) {
    const std::string where =
        fmt::format("{}: added_tokens: {} (id {})", source, Quoted(token.content), token.id);
    const bool is_new = ids.emplace(token.content, token.id).second;
    if (!is_new) return Invalid(where + ": stands there twice");
    std::string bytes;
    const TokenId in_model = AppendAlphabetBytes(token.content, bytes)
                                 ? vocabulary.Find(bytes)
                                 : vocabulary.FindForeign(token.content);
    if (in_model == token.id) continue;
    if (in_model >= 0) {
      return Invalid(fmt::format("{}: has the id {} in model.vocab", where, in_model));
    }
    if (vocabulary.AddHidden(DecodedSpelling(SoughtContent(token, parts.normalization)),
                             token.id) != Vocabulary::Added::kYes) {
      return Invalid(
          fmt::format("{}: the id is that of {}", where, Quoted(vocabulary.Bytes(token.id))));
    }
  }
  return {};
}

// Registers the added tokens for the search in text.
void AddToFinders(std::vector<AddedToken> tokens, TokenizerState& state) {
  std::stable_sort(tokens.begin(), tokens.end(),
                   [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  for (size_t i = 0; i < tokens.size(); ++i) {
    const AddedToken& token = tokens[i];
    if (token.special) state.special_ids.insert(token.id);
    const std::string content = SoughtContent(token, state.normalization);
    AddedTokenFinder& finder = token.normalized ? state.in_normalized_text : state.in_raw_text;
    finder.Add(content, static_cast<int32_t>(i));
  }
  state.added = std::move(tokens);
}

Status CheckTemplate(const Template& special, const Vocabulary& vocabulary,
                     const std::string& source) {
  for (const std::vector<TokenId>& side : {special.before, special.after}) {
    for (const TokenId id : side) {
      if (vocabulary.Has(id)) continue;
      return Invalid(fmt::format("{}: post_processor: no token has the id {}", source, id));
    }
  }
  return {};
}

}  // namespace

Status CheckFileSize(std::string_view text, const std::string& source) {
  if (text.size() <= kMaxTokenizerFileBytes) return {};
  return base::Exhausted(fmt::format("{}: {} bytes; glimmer reads tokenizers up to {}", source,
                                     text.size(), kMaxTokenizerFileBytes));
}

Result<Tokenizer> TokenizerBuilder::Build(TokenizerParts parts, const std::string& source) {
  auto state = std::make_unique<TokenizerState>();
  GLIMMER_ASSIGN(const auto byte_ids, ByteIds(parts.vocabulary, source));
  GLIMMER_TRY(AddToVocabulary(parts, source, parts.vocabulary, state->added_ids));
  GLIMMER_TRY(CheckTemplate(parts.special, parts.vocabulary, source));
  auto pre_tokenizer = PreTokenizer::Make(parts.pre_tokenizer, parts.scanning);
  if (!pre_tokenizer.ok()) return std::move(pre_tokenizer).error().In(source + ": pre_tokenizer");
  state->pre_tokenizer = std::move(pre_tokenizer).value();
  state->normalization = parts.normalization;
  state->special = std::move(parts.special);
  AddToFinders(std::move(parts.added_tokens), *state);
  state->vocabulary = std::make_shared<const Vocabulary>(std::move(parts.vocabulary));
  state->bpe = std::make_unique<Bpe>(state->vocabulary, std::move(parts.merges), byte_ids,
                                     parts.whole_words);
  return Tokenizer(std::move(state));
}

}  // namespace glimmer::text
