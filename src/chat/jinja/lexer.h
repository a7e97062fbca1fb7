// Jinja source to tokens: the text between tags, already trimmed as `-`, `+`, trim_blocks and
// lstrip_blocks say (both are always on, as transformers has them), and the tokens inside tags.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chat/jinja/limits.h"

namespace glimmer::chat::jinja {

struct Token {
  enum class Kind {
    kText,
    kBlockBegin,
    kBlockEnd,
    kPrintBegin,
    kPrintEnd,
    kName,
    kString,
    kInteger,
    kFloat,
    kOperator,
    kEnd,
  };
  Kind kind;
  int line;
  std::string text;  // of text, name, string (unescaped), operator
  int64_t integer = 0;
  double number = 0;
};

// Ends with a kEnd token. Throws Failure with the line.
std::vector<Token> Tokenize(std::string_view source, const Limits& limits);

// As messages show it: `end of the block`, "endfor".
std::string Shown(const Token& token);

}  // namespace glimmer::chat::jinja
