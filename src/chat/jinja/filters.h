// The filters: value|name(arguments).
#pragma once

#include <string_view>

#include "chat/jinja/interpreter.h"
#include "chat/jinja/named.h"
#include "chat/jinja/value.h"

namespace glimmer::chat::jinja {

using FilterBody = Value (*)(Interpreter& interpreter, const Value& input,
                             const Arguments& arguments);

using NamedFilter = Named<FilterBody>;

// nullptr when there is none of this name.
FilterBody FindFilter(std::string_view name);

// The filters by what they work on; each of the three files has one table.
FilterBody FindTextFilter(std::string_view name);
FilterBody FindSequenceFilter(std::string_view name);
FilterBody FindSelectionFilter(std::string_view name);

}  // namespace glimmer::chat::jinja
