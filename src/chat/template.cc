#include "chat/template.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "base/file.h"
#include "base/text.h"
#include "chat/messages.h"

namespace glimmer::chat {
namespace {

constexpr uint64_t kConfigLimitBytes = uint64_t{64} << 20;
constexpr std::string_view kConfigName = "tokenizer_config.json";

// The text of a special token, which stands alone or as the `content` of an object.
const base::JsonValue* TokenText(const base::JsonValue& token) {
  if (token.is_string()) return &token;
  if (!token.is_object()) return nullptr;
  const base::JsonValue* content = token.get_object().if_contains("content");
  return content != nullptr && content->is_string() ? content : nullptr;
}

// As transformers' special_tokens_map: only the tokens that are set.
base::JsonObject SpecialTokens(const base::JsonObject& config) {
  static constexpr std::array<std::string_view, 7> kNames = {
      "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
  base::JsonObject tokens;
  for (const auto name : kNames) {
    const base::JsonValue* token = config.if_contains(name);
    const base::JsonValue* text = token == nullptr ? nullptr : TokenText(*token);
    if (text != nullptr) tokens[name] = *text;
  }
  const base::JsonValue* more = config.if_contains("additional_special_tokens");
  if (more != nullptr && more->is_array()) tokens["additional_special_tokens"] = *more;
  return tokens;
}

struct Sources {
  std::string standard;
  std::optional<std::string> tool_use;
};

// The templates in a list of {name, template}.
base::Result<Sources> SourcesInList(const base::JsonArray& list, const std::string& where) {
  Sources sources;
  bool has_default = false;
  for (const base::JsonValue& entry : list) {
    const auto* object = entry.if_object();
    const auto* name = object == nullptr ? nullptr : object->if_contains("name");
    const auto* source = object == nullptr ? nullptr : object->if_contains("template");
    if (name == nullptr || source == nullptr || !name->is_string() || !source->is_string()) {
      return base::Corrupt(where + ": an entry is not {\"name\": …, \"template\": …}");
    }
    if (name->get_string() == "default") {
      sources.standard = std::string(source->get_string());
      has_default = true;
    } else if (name->get_string() == "tool_use") {
      sources.tool_use = std::string(source->get_string());
    }
  }
  if (!has_default) return base::Corrupt(where + ": no entry is named \"default\"");
  return sources;
}

base::Result<Sources> SourcesInConfig(const base::JsonObject& config, const std::string& where) {
  const base::JsonValue* entry = config.if_contains("chat_template");
  if (entry == nullptr || entry->is_null()) {
    return base::NotFound(where + ": there is no chat_template, nor a file chat_template.jinja");
  }
  const std::string field = where + ": chat_template";
  if (entry->is_string()) return Sources{std::string(entry->get_string()), std::nullopt};
  if (entry->is_array()) return SourcesInList(entry->get_array(), field);
  return base::Corrupt(field + ": expected a text or a list, found " + base::Shown(*entry));
}

}  // namespace

base::Result<ChatTemplate> ChatTemplate::Load(const std::string& folder,
                                              const jinja::Limits& limits) {
  const std::string config_path = base::JoinPath(folder, std::string(kConfigName));
  const std::string source_path = base::JoinPath(folder, "chat_template.jinja");
  base::JsonObject config;
  if (base::FileExists(config_path)) {
    GLIMMER_ASSIGN(config, base::ReadJsonObject(config_path, kConfigLimitBytes));
  }
  if (base::FileExists(source_path)) {
    GLIMMER_ASSIGN(const std::string source,
                   base::ReadTextFile(source_path, limits.max_template_bytes));
    return FromSource(source, base::Quoted(source_path), config, limits);
  }
  GLIMMER_ASSIGN(const Sources sources, SourcesInConfig(config, base::Quoted(config_path)));
  GLIMMER_ASSIGN(
      ChatTemplate loaded,
      FromSource(sources.standard, base::Quoted(config_path) + ": chat_template", config, limits));
  if (sources.tool_use) {
    GLIMMER_ASSIGN(
        loaded.tool_use_,
        jinja::Program::Parse(*sources.tool_use,
                              base::Quoted(config_path) + ": chat_template \"tool_use\"", limits));
  }
  return loaded;
}

base::Result<ChatTemplate> ChatTemplate::FromSource(std::string_view source,
                                                    const std::string& name,
                                                    const base::JsonObject& config,
                                                    const jinja::Limits& limits) {
  GLIMMER_ASSIGN(jinja::Program program, jinja::Program::Parse(source, name, limits));
  ChatTemplate made(std::move(program));
  made.special_tokens_ = SpecialTokens(config);
  return made;
}

base::Result<std::string> ChatTemplate::Render(const ChatInput& input) const {
  GLIMMER_TRY(CheckTools(input.tools));
  base::JsonObject variables = special_tokens_;
  variables["tools"] = input.tools;
  variables["documents"] = nullptr;
  variables["add_generation_prompt"] = input.add_generation_prompt;
  for (const auto& member : input.extra) {
    const std::string_view key = member.key();
    if (key == "messages" || key == "tools" || key == "add_generation_prompt") {
      return base::Invalid(
          fmt::format("the template variable {} has a field of its own and cannot "
                      "be given as an extra one",
                      base::Quoted(key)));
    }
    variables[key] = member.value();
  }
  GLIMMER_ASSIGN(variables["messages"], TemplateMessages(input.messages));
  const bool uses_tools = tool_use_.has_value() && !input.tools.is_null();
  return (uses_tools ? *tool_use_ : default_).Render(variables, input.now);
}

}  // namespace glimmer::chat
