// The text between the quotes of a string literal.
#pragma once

#include <string>
#include <string_view>

namespace glimmer::chat::jinja {

// Python's escapes replaced by what they mean. Throws Failure at `line` for broken ones, for
// \N{…} and for surrogates, which no UTF-8 text can hold.
std::string UnescapedString(std::string_view inner, int line);

}  // namespace glimmer::chat::jinja
