#include "text/tokenizer.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "text/tokenizer_parts.h"
#include "text/tokenizer_state.h"
#include "unicode/nfc.h"
#include "unicode/utf8.h"

namespace glimmer::text {
namespace {

using base::Invalid;
using base::Quoted;
using base::Result;
using base::Status;
using unicode::NormalizeNfc;
using unicode::Repaired;
using unicode::ValidPrefixBytes;

// A guess for reserving space; English has about 4.5.
constexpr size_t kBytesPerToken = 4;

// One call of Encode.
class Encoding {
 public:
  Encoding(const TokenizerState& state, const EncodeOptions& options, BpeScratch& scratch,
           std::vector<TokenId>& out)
      : state_(state), options_(options), scratch_(scratch), out_(out) {}

  Status Raw(std::string_view text) {
    return AroundAddedTokens(state_.in_raw_text, text,
                             [this](std::string_view rest) { return Normalized(rest); });
  }

 private:
  Status Normalized(std::string_view text) {
    std::string copy;
    if (state_.normalization == Normalization::kNfc && NormalizeNfc(text, copy)) text = copy;
    return AroundAddedTokens(state_.in_normalized_text, text,
                             [this](std::string_view rest) { return Words(rest); });
  }

  // Emits the added tokens in `text` and gives the stretches between to `encode`.
  template <typename Encode>
  Status AroundAddedTokens(const AddedTokenFinder& finder, std::string_view text,
                           const Encode& encode) {
    size_t done = 0, from = 0;
    SpaceRun spaces;
    while (options_.added_tokens != AddedTokens::kNone) {
      const std::optional<AddedTokenFinder::Match> found = finder.Find(text, from);
      if (!found) break;
      from = found->end;
      const AddedToken& token = state_.added[found->index];
      if (token.special && options_.added_tokens == AddedTokens::kNotSpecial) continue;
      const std::optional<AddedTokenFinder::Match> match =
          Applied(token, *found, text, done, spaces);
      if (!match) continue;
      if (match->begin > done) GLIMMER_TRY(encode(text.substr(done, match->begin - done)));
      out_.push_back(token.id);
      done = match->end;
    }
    if (done < text.size()) GLIMMER_TRY(encode(text.substr(done)));
    return {};
  }

  Status Words(std::string_view text) {
    if (const std::optional<Scanner> scanner = state_.pre_tokenizer->scanner()) {
      const char* const end = text.data() + text.size();
      for (const char* at = text.data(); at < end;) {
        const char* after = (*scanner)(at, end);
        state_.bpe->AppendWord(std::string_view(at, after - at), scratch_, out_);
        at = after;
      }
      return {};
    }
    std::vector<std::string> storage;
    GLIMMER_ASSIGN(const std::vector<std::string_view> words,
                   state_.pre_tokenizer->Split(text, storage));
    for (const std::string_view word : words) state_.bpe->AppendWord(word, scratch_, out_);
    return {};
  }

  const TokenizerState& state_;
  const EncodeOptions& options_;
  BpeScratch& scratch_;
  std::vector<TokenId>& out_;
};

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<TokenizerState> state) : state_(std::move(state)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::FromJson(std::string_view json, const std::string& source) {
  GLIMMER_ASSIGN(TokenizerParts parts, ReadTokenizerJson(json, source));
  return TokenizerBuilder::Build(std::move(parts), source);
}

Result<Tokenizer> Tokenizer::Load(const std::string& path) {
  GLIMMER_ASSIGN(const std::string json, base::ReadTextFile(path, kMaxTokenizerFileBytes));
  return FromJson(json, Quoted(path));
}

Result<std::vector<TokenId>> Tokenizer::Encode(std::string_view text,
                                               const EncodeOptions& options) const {
  std::string repaired;
  if (ValidPrefixBytes(text) < text.size()) text = repaired = Repaired(text);
  if (text.size() > kMaxEncodeBytes) {
    return base::Exhausted(
        fmt::format("a text of {} bytes; one call encodes up to {}", text.size(), kMaxEncodeBytes));
  }
  std::vector<TokenId> ids;
  ids.reserve(text.size() / kBytesPerToken + 16);
  const Template& special = state_->special;
  if (options.add_special_tokens) {
    ids.insert(ids.end(), special.before.begin(), special.before.end());
  }
  std::unique_ptr<BpeScratch> scratch = state_->scratches.Take();
  const Status status = Encoding(*state_, options, *scratch, ids).Raw(text);
  state_->scratches.GiveBack(std::move(scratch));
  if (!status.ok()) return status.error();
  if (options.add_special_tokens) {
    ids.insert(ids.end(), special.after.begin(), special.after.end());
  }
  return ids;
}

Result<std::string> Tokenizer::Decode(std::span<const TokenId> ids,
                                      const DecodeOptions& options) const {
  std::string bytes;
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::optional<std::string_view> token = TokenBytes(ids[i]);
    if (!token) {
      return Invalid(
          fmt::format("token id {} (at place {}): no token of the vocabulary has it "
                      "(ids go up to {})",
                      ids[i], i, VocabSize() - 1));
    }
    if (options.skip_special_tokens && IsSpecial(ids[i])) continue;
    bytes += *token;
  }
  return ValidPrefixBytes(bytes) == bytes.size() ? bytes : Repaired(bytes);
}

size_t Tokenizer::VocabSize() const { return state_->vocabulary->Size(); }

std::optional<std::string_view> Tokenizer::TokenBytes(TokenId id) const {
  if (!state_->vocabulary->Has(id)) return std::nullopt;
  return state_->vocabulary->Bytes(id);
}

std::optional<TokenId> Tokenizer::IdOf(std::string_view token) const {
  const auto added = state_->added_ids.find(std::string(token));
  if (added != state_->added_ids.end()) return added->second;
  const TokenId id = state_->vocabulary->Find(token);
  return id >= 0 ? std::optional(id) : std::nullopt;
}

bool Tokenizer::IsSpecial(TokenId id) const { return state_->special_ids.contains(id); }

std::span<const AddedToken> Tokenizer::added_tokens() const { return state_->added; }

std::string_view Tokenizer::SplitterName() const {
  return state_->pre_tokenizer->scanner() ? "scanner" : "regex";
}

}  // namespace glimmer::text
