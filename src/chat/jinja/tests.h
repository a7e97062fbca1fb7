// The tests: value is name(arguments).
#pragma once

#include <string_view>

#include "chat/jinja/interpreter.h"
#include "chat/jinja/value.h"

namespace glimmer::chat::jinja {

using TestBody = bool (*)(Interpreter& interpreter, const Value& input, const Arguments& arguments);

// nullptr when there is none of this name.
TestBody FindTest(std::string_view name);

}  // namespace glimmer::chat::jinja
