// A model's chat template: messages in, the prompt that the model was trained on out. The
// template is the one in the model's folder, never one that is built in.
#pragma once

#include <ctime>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "chat/jinja/limits.h"
#include "chat/jinja/program.h"

namespace glimmer::chat {

struct ChatInput {
  // An array of objects with a `role`; every other field reaches the template as it is. Two
  // exceptions, as other servers have them: `tool_calls[].function.arguments` that is a text of
  // JSON becomes the object it says, and a `content` of null becomes "".
  base::JsonValue messages = {};
  // An array of tools as OpenAI writes them, or null.
  base::JsonValue tools = {};
  bool add_generation_prompt = true;
  // More variables: enable_thinking, clear_thinking, documents, …
  base::JsonObject extra = {};
  // What strftime_now tells; the present by default.
  std::optional<std::time_t> now = std::nullopt;
};

// Thread-safe: one template may render on several threads at once.
class ChatTemplate {
 public:
  // Reads `folder`/chat_template.jinja, or else the `chat_template` of tokenizer_config.json: a
  // text, or a list of {name, template} of which "default" and "tool_use" count. The special
  // tokens of tokenizer_config.json (bos_token, eos_token, …) become variables.
  // Errors: kNotFound without any template; kCorrupt, with the line, for a broken one.
  static base::Result<ChatTemplate> Load(const std::string& folder,
                                         const jinja::Limits& limits = {});
  // From texts: `config` is a tokenizer_config.json, or empty.
  static base::Result<ChatTemplate> FromSource(std::string_view source, const std::string& name,
                                               const base::JsonObject& config = {},
                                               const jinja::Limits& limits = {});

  // The prompt. Errors: kInvalid when the input is malformed or the template refuses it;
  // kExhausted when the template runs into one of its limits.
  base::Result<std::string> Render(const ChatInput& input) const;

  // Whether the template looks at this variable: a switch it does not know has no effect.
  bool Mentions(std::string_view variable) const { return default_.Mentions(variable); }

 private:
  explicit ChatTemplate(jinja::Program program) : default_(std::move(program)) {}

  jinja::Program default_;
  std::optional<jinja::Program> tool_use_;  // takes its place when there are tools
  base::JsonObject special_tokens_;
};

}  // namespace glimmer::chat
