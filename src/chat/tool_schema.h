// Arguments of tool calls as JSON: models write them as bare text, and the tools' JSON schemas say
// which of them are texts.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_types.h"

namespace glimmer::chat {

class ToolSchemas {
 public:
  // `tools` is an array as OpenAI writes it, or null. What is not a schema is passed over.
  explicit ToolSchemas(const base::JsonValue& tools);

  // The text of a JSON object. A value whose schema says "string" is that text, white space and
  // all. Any other is what it says as JSON (with its own digits), or as a Python literal, or
  // else the text. Of a key that stands twice the last counts.
  std::string ArgumentsJson(
      const std::string& function,
      const std::vector<std::pair<std::string, std::string>>& arguments) const;

 private:
  using Types = std::set<std::string>;

  void AddTool(const base::JsonValue& tool);
  const Types* TypesOf(const std::string& function, const std::string& key) const;

  std::map<std::string, std::map<std::string, Types>> types_;  // by function and argument
};

// The text as JSON, in quotes; U+FFFD stands for what is not UTF-8.
std::string JsonText(std::string_view text);

}  // namespace glimmer::chat
