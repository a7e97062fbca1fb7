// The JSON text of a tokenizer.json, parsed in one pass: the two huge fields go straight into
// compact lists, the rest becomes a JSON tree. Internal to src/text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/token.h"

namespace glimmer::text {

struct TokenizerDocument {
  // A token or the two halves of a merge rule, as a range of `bytes`. The bytes of a spelling
  // within the byte alphabet are translated already; a foreign one stands there as it is.
  struct Token {
    uint32_t begin, bytes;
    TokenId id;
    bool foreign;
  };
  struct Rule {
    uint32_t begin, left_bytes, right_bytes;
    bool foreign;  // then both halves are untranslated
  };

  std::string_view Bytes(uint32_t begin, uint32_t count) const {
    return std::string_view(bytes).substr(begin, count);
  }

  base::JsonObject tree;  // model.vocab is {} and model.merges [] in it
  std::string bytes;
  std::vector<Token> tokens;
  std::vector<Rule> rules;
};

// Errors: kCorrupt with line and column, or naming model.vocab or model.merges.
base::Result<TokenizerDocument> ParseTokenizerDocument(std::string_view json,
                                                       const std::string& source);

}  // namespace glimmer::text
