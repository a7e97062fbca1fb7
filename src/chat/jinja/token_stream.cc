#include "chat/jinja/token_stream.h"

#include <fmt/format.h>

#include "base/text.h"
#include "chat/jinja/failure.h"

namespace glimmer::chat::jinja {

void TokenStream::FailUnexpected(std::string_view expected) const {
  FailAt(line(), fmt::format("expected {}, found {}", expected, Shown(current())));
}

void TokenStream::ExpectOperator(std::string_view op) {
  if (!TakeOperator(op)) FailUnexpected(base::Quoted(op));
}

void TokenStream::ExpectName(std::string_view name) {
  if (!TakeName(name)) FailUnexpected(base::Quoted(name));
}

void TokenStream::Expect(Token::Kind kind, std::string_view shown) {
  if (!Is(kind)) FailUnexpected(shown);
  Take();
}

std::string TokenStream::TakeAnyName(std::string_view what) {
  if (!Is(Token::Kind::kName)) FailUnexpected(what);
  return Take().text;
}

Symbol TokenStream::SymbolOf(const std::string& name) {
  const auto [at, is_new] = symbols_.emplace(name, names_.size());
  if (is_new) {
    names_.push_back(name);
    mentions_.push_back(0);
  }
  ++mentions_[at->second];
  return at->second;
}

TokenStream::Nested::Nested(TokenStream& stream) : stream_(stream) {
  if (++stream_.nesting_ > stream_.limits_.max_nesting) {
    --stream_.nesting_;
    FailAt(stream_.line(), fmt::format("the template nests deeper than the limit of {} levels",
                                       stream_.limits_.max_nesting));
  }
}

}  // namespace glimmer::chat::jinja
