// The functions that every template sees: range, dict, namespace, cycler, joiner,
// raise_exception, strftime_now.
#pragma once

#include <optional>
#include <string_view>

#include "chat/jinja/value.h"

namespace glimmer::chat::jinja {

std::optional<Value> FindFunction(std::string_view name);

}  // namespace glimmer::chat::jinja
