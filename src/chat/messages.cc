#include "chat/messages.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/text.h"

namespace glimmer::chat {
namespace {

base::Error Expected(const std::string& where, std::string_view what,
                     const base::JsonValue& found) {
  return base::Invalid(fmt::format("{}: expected {}, found {}", where, what, base::Shown(found)));
}

// The object that a text of JSON says; an empty text says no arguments.
base::Status ParseArguments(base::JsonValue& arguments, const std::string& where) {
  const std::string text(arguments.get_string());
  const bool is_blank = text.find_first_not_of(" \t\r\n") == std::string::npos;
  if (is_blank) {
    arguments = base::JsonObject();
    return {};
  }
  auto parsed = base::ParseJson(text, where);
  if (!parsed.ok()) return base::Invalid(parsed.error().message);
  if (!parsed.value().is_object()) return Expected(where, "a JSON object", parsed.value());
  arguments = std::move(parsed).value();
  return {};
}

base::Status FixToolCall(base::JsonValue& call, const std::string& where) {
  if (!call.is_object()) return Expected(where, "an object", call);
  base::JsonObject* function = &call.get_object();
  std::string place = where;
  if (base::JsonValue* inner = function->if_contains("function")) {
    place += ".function";
    if (!inner->is_object()) return Expected(place, "an object", *inner);
    function = &inner->get_object();
  }
  base::JsonValue* arguments = function->if_contains("arguments");
  if (arguments == nullptr || !arguments->is_string()) return {};
  return ParseArguments(*arguments, place + ".arguments");
}

base::Status FixToolCalls(base::JsonObject& message, const std::string& where) {
  base::JsonValue* calls = message.if_contains("tool_calls");
  if (calls == nullptr || calls->is_null()) return {};
  const std::string place = where + ".tool_calls";
  if (!calls->is_array()) return Expected(place, "an array", *calls);
  size_t index = 0;
  for (base::JsonValue& call : calls->get_array()) {
    GLIMMER_TRY(FixToolCall(call, fmt::format("{}[{}]", place, index++)));
  }
  return {};
}

base::Status FixMessage(base::JsonValue& message, const std::string& where) {
  if (!message.is_object()) return Expected(where, "an object", message);
  base::JsonObject& fields = message.get_object();
  const base::JsonValue* role = fields.if_contains("role");
  if (role == nullptr) return base::Invalid(where + ": it has no role");
  if (!role->is_string()) return Expected(where + ".role", "a text", *role);
  base::JsonValue* content = fields.if_contains("content");
  if (content != nullptr && content->is_null()) *content = "";
  return FixToolCalls(fields, where);
}

}  // namespace

base::Result<base::JsonValue> TemplateMessages(const base::JsonValue& messages) {
  if (!messages.is_array()) return Expected("messages", "an array", messages);
  base::JsonValue fixed = messages;
  size_t index = 0;
  for (base::JsonValue& message : fixed.get_array()) {
    GLIMMER_TRY(FixMessage(message, fmt::format("messages[{}]", index++)));
  }
  return fixed;
}

base::Status CheckTools(const base::JsonValue& tools) {
  if (tools.is_null()) return {};
  if (!tools.is_array()) return Expected("tools", "an array", tools);
  size_t index = 0;
  for (const base::JsonValue& tool : tools.get_array()) {
    const std::string where = fmt::format("tools[{}]", index++);
    if (!tool.is_object()) return Expected(where, "an object", tool);
  }
  return {};
}

}  // namespace glimmer::chat
