// The two words every part of the tokenizer shares.
#pragma once

#include <cstdint>
#include <string>

namespace glimmer::text {

// Position of a token in the model's vocabulary; never negative.
using TokenId = int32_t;

constexpr TokenId kMaxTokenId = (1 << 24) - 1;

// A token that is found in text literally, before any splitting.
struct AddedToken {
  TokenId id = 0;
  std::string content{};
  bool special = false;      // control tokens: left out by skip_special_tokens
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // takes the white space after it along
  bool single_word = false;  // only between characters that are no word characters
  bool normalized = false;   // is looked for in the normalized text
};

}  // namespace glimmer::text
