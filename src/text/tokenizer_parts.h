// What the readers of the two file formats hand to the tokenizer. Internal to src/text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/bpe.h"
#include "text/merges.h"
#include "text/pre_tokenizer.h"
#include "text/token.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace glimmer::text {

enum class Normalization { kNone, kNfc };

// Ids around the text when special tokens are added.
struct Template {
  std::vector<TokenId> before, after;
};

struct TokenizerParts {
  Vocabulary vocabulary;  // the model's tokens, without the added ones
  MergeTable merges;
  Bpe::WholeWords whole_words = Bpe::WholeWords::kByMerging;
  Normalization normalization = Normalization::kNone;
  PreTokenizerSpec pre_tokenizer;
  std::vector<AddedToken> added_tokens;
  Template special;
  Scanning scanning = Scanning::kScannersWhereKnown;
};

class TokenizerBuilder {
 public:
  // Errors: kInvalid when parts contradict each other (an id twice, a byte without token), kinds
  // of PreTokenizer::Make; each begins with `source`.
  static base::Result<Tokenizer> Build(TokenizerParts parts, const std::string& source);
};

// Errors: kExhausted when the text is larger than kMaxTokenizerFileBytes.
base::Status CheckFileSize(std::string_view text, const std::string& source);

// The parts of a tokenizer.json; Tokenizer::FromJson builds from them.
base::Result<TokenizerParts> ReadTokenizerJson(std::string_view json, const std::string& source);

}  // namespace glimmer::text
