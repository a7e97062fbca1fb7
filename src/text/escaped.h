// The bytes of a token as people read them. A token may begin or end in the middle of a character
// and hold what cannot be seen.
#pragma once

#include <string>
#include <string_view>

namespace glimmer::text {

// Text that can be seen as it is; quotes and backslashes behind a backslash; \n, \r, \t; other
// ASCII controls and bytes that are no whole character as \xe4; other code points that cannot be
// seen, or look like a space but are none, as \u{200b}. Different bytes give different texts.
std::string Escaped(std::string_view bytes);

}  // namespace glimmer::text
