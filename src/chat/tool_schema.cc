#include "chat/tool_schema.h"

#include <algorithm>
#include <optional>

#include "base/json.h"
#include "chat/python_literal.h"
#include "unicode/python_str.h"
#include "unicode/utf8.h"

namespace glimmer::chat {
namespace {

const base::JsonValue* Member(const base::JsonValue& value, std::string_view key) {
  const auto* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

// The types that a schema allows, also in a list and in anyOf or oneOf one level down.
void CollectTypes(const base::JsonValue& schema, std::set<std::string>& types, bool looks_down) {
  const base::JsonValue* type = Member(schema, "type");
  if (type != nullptr && type->is_string()) types.emplace(type->get_string());
  if (type != nullptr && type->is_array()) {
    for (const auto& entry : type->get_array()) {
      if (entry.is_string()) types.emplace(entry.get_string());
    }
  }
  for (const auto* key : {"anyOf", "oneOf"}) {
    const base::JsonValue* choices = looks_down ? Member(schema, key) : nullptr;
    if (choices == nullptr || !choices->is_array()) continue;
    for (const auto& choice : choices->get_array()) CollectTypes(choice, types, false);
  }
}

// REQUIRES: valid UTF-8.
std::string ValueJson(const std::string& text, const std::set<std::string>* types) {
  const bool may_be_text = types != nullptr && types->contains("string");
  if (may_be_text && types->size() == 1) return JsonText(text);
  const std::string trimmed(unicode::Trim(text, unicode::Ends::kBoth));
  if (may_be_text) {
    // Of several types, only an explicit null is not the text.
    const bool is_null = types->contains("null") && (trimmed == "null" || trimmed == "None");
    return is_null ? "null" : JsonText(text);
  }
  if (base::ParseJson(trimmed, "").ok()) return trimmed;
  if (auto json = PythonLiteralToJson(trimmed)) return std::move(*json);
  return JsonText(text);
}

}  // namespace

ToolSchemas::ToolSchemas(const base::JsonValue& tools) {
  const auto* list = tools.if_array();
  if (list == nullptr) return;
  for (const auto& tool : *list) AddTool(tool);
}

void ToolSchemas::AddTool(const base::JsonValue& tool) {
  const base::JsonValue* wrapped = Member(tool, "function");
  const base::JsonValue& function = wrapped == nullptr ? tool : *wrapped;
  const base::JsonValue* name = Member(function, "name");
  const base::JsonValue* parameters = Member(function, "parameters");
  const base::JsonValue* properties =
      parameters == nullptr ? nullptr : Member(*parameters, "properties");
  if (name == nullptr || !name->is_string()) return;
  if (properties == nullptr || !properties->is_object()) return;
  auto& arguments = types_[std::string(name->get_string())];
  for (const auto& property : properties->get_object()) {
    CollectTypes(property.value(), arguments[std::string(property.key())], true);
  }
}

const ToolSchemas::Types* ToolSchemas::TypesOf(const std::string& function,
                                               const std::string& key) const {
  const auto found = types_.find(function);
  if (found == types_.end()) return nullptr;
  const auto types = found->second.find(key);
  return types == found->second.end() ? nullptr : &types->second;
}

std::string ToolSchemas::ArgumentsJson(
    const std::string& function,
    const std::vector<std::pair<std::string, std::string>>& arguments) const {
  std::vector<std::pair<std::string, std::string>> members;
  std::map<std::string, size_t> places;
  for (const auto& [raw_key, raw_text] : arguments) {
    const std::string key = unicode::Repaired(raw_key);
    std::string value = ValueJson(unicode::Repaired(raw_text), TypesOf(function, key));
    const auto [place, is_new] = places.emplace(key, members.size());
    if (is_new) {
      members.emplace_back(key, std::move(value));
    } else {
      members[place->second].second = std::move(value);
    }
  }
  std::string json = "{";
  for (const auto& [key, value] : members) {
    if (json.size() > 1) json += ", ";
    json += JsonText(key) + ": " + value;
  }
  return json + "}";
}

std::string JsonText(std::string_view text) {
  return base::DumpJson(base::JsonValue(unicode::Repaired(text)), 0);
}

}  // namespace glimmer::chat
