// Python literals as JSON: models that saw much Python write {'a': True} for {"a": true}.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace glimmer::chat {

// The same value as JSON; std::nullopt when the text is no literal made of strings, numbers,
// True, False, None, lists, tuples and dicts.
std::optional<std::string> PythonLiteralToJson(std::string_view text);

}  // namespace glimmer::chat
