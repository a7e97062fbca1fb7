#include "data/turns.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/json.h"

namespace glimmer::data {
namespace {

using base::JsonArray;
using base::JsonObject;
using base::JsonValue;
using base::Result;

// ShareGPT's speakers and their roles.
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kRoles = {{
    {"human", "user"},
    {"user", "user"},
    {"gpt", "assistant"},
    {"chatgpt", "assistant"},
    {"assistant", "assistant"},
    {"model", "assistant"},
    {"function_call", "assistant"},
    {"tool", "tool"},
    {"observation", "tool"},
    {"function_response", "tool"},
    {"system", "system"},
}};

base::Error Expected(const std::string& where, std::string_view what, const JsonValue& found) {
  return base::Invalid(fmt::format("{}: expected {}, found {}", where, what, base::Shown(found)));
}

Result<std::string_view> RoleOf(const JsonValue& from, const std::string& where) {
  if (const auto* speaker = from.if_string()) {
    for (const auto& [name, role] : kRoles) {
      if (std::string_view(*speaker) == name) return role;
    }
  }
  return Expected(where + ".from", "human, gpt, system or tool", from);
}

Result<JsonValue> ReadTurn(const JsonValue& turn, const std::string& where) {
  const JsonObject* object = turn.if_object();
  if (object == nullptr) return Expected(where, "an object", turn);
  if (const JsonValue* role = PresentOrNull(*object, "role")) {
    if (!role->is_string()) return Expected(where + ".role", "a text", *role);
    return turn;
  }
  const JsonValue* from = PresentOrNull(*object, "from");
  if (from == nullptr) return base::Invalid(where + ": it has neither role nor from");
  GLIMMER_ASSIGN(const std::string_view role, RoleOf(*from, where));
  const JsonValue* value = PresentOrNull(*object, "value");
  if (value == nullptr) return base::Invalid(where + ": it has no value");
  if (!value->is_string()) return Expected(where + ".value", "a text", *value);
  return JsonValue(JsonObject{{"role", role}, {"content", *value}});
}

}  // namespace

const JsonValue* PresentOrNull(const JsonObject& object, std::string_view name) {
  const JsonValue* member = object.if_contains(name);
  return member == nullptr || member->is_null() ? nullptr : member;
}

Result<JsonValue> ReadTurns(const JsonValue& turns, const std::string& where) {
  const JsonArray* items = turns.if_array();
  if (items == nullptr) return Expected(where, "an array of turns", turns);
  JsonArray messages;
  messages.reserve(items->size());
  for (const JsonValue& item : *items) {
    GLIMMER_ASSIGN(JsonValue message,
                   ReadTurn(item, fmt::format("{}[{}]", where, messages.size())));
    messages.push_back(std::move(message));
  }
  return JsonValue(std::move(messages));
}

Result<std::string> JoinedContents(const JsonValue& messages, const std::string& where) {
  std::string text;
  size_t index = 0;
  for (const JsonValue& message : messages.get_array()) {
    if (index > 0) text += '\n';
    const std::string place = fmt::format("{}[{}].content", where, index++);
    const JsonValue* content = message.get_object().if_contains("content");
    if (content == nullptr) return base::Invalid(place + ": is missing");
    if (content->is_null()) continue;
    if (!content->is_string()) return Expected(place, "a text", *content);
    text += std::string_view(content->get_string());
  }
  return text;
}

Result<JsonValue> ReadTools(const JsonObject& row) {
  const JsonValue* tools = PresentOrNull(row, "tools");
  if (tools == nullptr) return JsonValue();
  JsonValue parsed = *tools;
  if (const auto* text = tools->if_string()) {
    if (text->empty()) return JsonValue();
    auto from_text = base::ParseJson(std::string_view(*text), "tools");
    if (!from_text.ok()) return base::Invalid(from_text.error().message);
    parsed = std::move(from_text).value();
  }
  if (!parsed.is_array() && !parsed.is_null()) return Expected("tools", "an array", parsed);
  return parsed;
}

}  // namespace glimmer::data
