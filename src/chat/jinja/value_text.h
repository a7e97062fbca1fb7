// Values as text: Python's str() and repr(), and JSON both ways.
#pragma once

#include <string>
#include <string_view>

#include "base/json_types.h"
#include "chat/jinja/value.h"

namespace glimmer::chat::jinja {

// Python's repr of a float: the shortest digits that read back as the same number.
std::string FloatText(double number);

// What printing the value gives (str). Undefined gives nothing.
std::string ToText(Heap& heap, const Value& value);
// What printing a list that holds the value gives for it (repr).
std::string ToRepr(Heap& heap, const Value& value);

// Throws Failure for integers beyond 64 bits and too deep nesting.
Value FromJson(Heap& heap, const base::JsonValue& json);

// json.dumps as the `tojson` filter of chat templates calls it.
struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool is_indented = false;  // one item a line
  std::string indent;        // of one level
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
// Throws Failure for what JSON cannot say (undefined values, macros).
std::string ToJson(Heap& heap, const Value& value, const JsonStyle& style);

}  // namespace glimmer::chat::jinja
