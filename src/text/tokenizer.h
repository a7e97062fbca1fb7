// Tokenizer: text to the ids of a model's vocabulary and back, as Hugging Face's `tokenizers` does
// it for byte-level BPE: from tokenizer.json, or from a .tiktoken rank file and its expression.
//
// Encoding: added tokens are cut out of the text (those marked `normalized` out of the normalized
// text), the rest is normalized (nothing or NFC), split into words (pre_tokenizer.h), and each
// word is merged (bpe.h). Differences to Hugging Face, each on purpose:
//  - input that is not valid UTF-8, which Python cannot hold, is repaired as Python's
//    errors="replace" would (U+FFFD);
//  - an added token keeps the id that its file gives it, or the file is refused; Hugging Face
//    renumbers it with a warning;
//  - decoding an id that does not exist is an error; Hugging Face drops it;
//  - `truncation` and `padding` of the file are not applied, as transformers switches them off.
// Fields and kinds that glimmer does not know are refused, never ignored.
//
// Source: tokenizer.json as written by tokenizers 0.13 to 0.23; Unicode 16.0.
// Threads: all const functions may run on several threads at once. Each concurrent Encode holds
// 2 MB of scratch memory, which the next one takes over.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/token.h"

namespace glimmer::text {

constexpr uint64_t kMaxTokenizerFileBytes = 256 << 20;
constexpr uint64_t kMaxEncodeBytes = 256 << 20;  // of one text, after repair

// Which added tokens are recognised in text; the others are encoded like any text.
enum class AddedTokens {
  kAll,
  kNotSpecial,  // all but the special ones: Hugging Face's encode_special_tokens = True
  kNone,        // for text that must not be able to write control tokens
};

struct EncodeOptions {
  AddedTokens added_tokens = AddedTokens::kAll;
  // Puts around the text what the file's post-processor asks for, such as [CLS] and [SEP].
  bool add_special_tokens = false;
};

struct DecodeOptions {
  bool skip_special_tokens = false;
};

struct TokenizerState;

class Tokenizer {
 public:
  // Reads a tokenizer.json. Errors: kNotFound, kIo; kCorrupt (no JSON, no such fields), kInvalid
  // (fields that contradict each other), kUnsupported (a kind glimmer does not know), kExhausted
  // (beyond a limit); all name the file and the field.
  static base::Result<Tokenizer> Load(const std::string& path);
  // The same from the file's text; `source` names it in errors.
  static base::Result<Tokenizer> FromJson(std::string_view json, const std::string& source);
  // Reads a .tiktoken file: lines of base64 and rank, the rank being the id. `pattern` in the
  // dialect of Rust's fancy-regex splits words; `added_tokens` complete the vocabulary.
  static base::Result<Tokenizer> FromTiktoken(const std::string& path, const std::string& pattern,
                                              std::vector<AddedToken> added_tokens);
  static base::Result<Tokenizer> FromTiktokenText(std::string_view ranks, const std::string& source,
                                                  const std::string& pattern,
                                                  std::vector<AddedToken> added_tokens);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Errors: kExhausted when the text is larger than kMaxEncodeBytes, or the file's expression
  // backtracks beyond its limits on this text (never with the known expressions).
  base::Result<std::vector<TokenId>> Encode(std::string_view text,
                                            const EncodeOptions& options = {}) const;
  // Invalid UTF-8 in the joined bytes becomes U+FFFD. Errors: kInvalid for an id that no token has.
  base::Result<std::string> Decode(std::span<const TokenId> ids,
                                   const DecodeOptions& options = {}) const;

  // Highest id + 1. Ids below may be unassigned, and a model's embedding may have more rows.
  size_t VocabSize() const;
  // The bytes that the token decodes to, or nothing for an id that no token has.
  std::optional<std::string_view> TokenBytes(TokenId id) const;
  // An added token by its content, else a token by the bytes it decodes to.
  std::optional<TokenId> IdOf(std::string_view token) const;
  bool IsSpecial(TokenId id) const;
  std::span<const AddedToken> added_tokens() const;  // by id

  // "scanner" when a hand-written scanner splits words, else "regex": for reports.
  std::string_view SplitterName() const;

 private:
  explicit Tokenizer(std::unique_ptr<TokenizerState> state);
  friend class TokenizerBuilder;
  std::unique_ptr<TokenizerState> state_;
};

}  // namespace glimmer::text
