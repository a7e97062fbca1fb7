// The parser's place in the tokens, its symbols, and its guard against deep nesting.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "chat/jinja/ast.h"
#include "chat/jinja/lexer.h"
#include "chat/jinja/limits.h"

namespace glimmer::chat::jinja {

class TokenStream {
 public:
  TokenStream(std::vector<Token> tokens, const Limits& limits)
      : limits_(limits), tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  int line() const { return current().line; }
  const Limits& limits() const { return limits_; }

  bool Is(Token::Kind kind) const { return current().kind == kind; }
  bool IsOperator(std::string_view op) const {
    return Is(Token::Kind::kOperator) && current().text == op;
  }
  bool IsName(std::string_view name) const {
    return Is(Token::Kind::kName) && current().text == name;
  }

  // The current token; the stream moves behind it (never behind the end).
  const Token& Take() {
    const Token& token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  // Moves on if the current token is that one.
  bool TakeOperator(std::string_view op) { return IsOperator(op) && (Take(), true); }
  bool TakeName(std::string_view name) { return IsName(name) && (Take(), true); }
  // Throw Failure when the current token is another.
  void ExpectOperator(std::string_view op);
  void ExpectName(std::string_view name);
  void Expect(Token::Kind kind, std::string_view shown);
  std::string TakeAnyName(std::string_view what);
  [[noreturn]] void FailUnexpected(std::string_view expected) const;

  Symbol SymbolOf(const std::string& name);
  std::vector<std::string> TakeNames() { return std::move(names_); }
  // How often the name was read so far: tells whether a macro uses `caller`.
  size_t MentionsOf(Symbol symbol) const { return mentions_[symbol]; }

  // Counts one level of nesting while it lives.
  class Nested {
   public:
    explicit Nested(TokenStream& stream);
    ~Nested() { --stream_.nesting_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

   private:
    TokenStream& stream_;
  };

 private:
  const Limits& limits_;
  const std::vector<Token> tokens_;
  size_t at_ = 0;
  size_t nesting_ = 0;
  std::map<std::string, Symbol> symbols_;
  std::vector<std::string> names_;
  std::vector<size_t> mentions_;
};

}  // namespace glimmer::chat::jinja
