// Tokens to a tree. The grammar is jinja2's with the `loopcontrols` extension and transformers'
// `generation` tag; template inheritance, includes and imports are refused by name.
#pragma once

#include <string_view>

#include "chat/jinja/ast.h"
#include "chat/jinja/limits.h"

namespace glimmer::chat::jinja {

// Throws Failure with the line. REQUIRES: valid UTF-8.
Ast Parse(std::string_view source, const Limits& limits);

}  // namespace glimmer::chat::jinja
