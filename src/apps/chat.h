// A conversation with a model: messages, the model's own template, one answer at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/parallel.h"
#include "base/result.h"
#include "chat/output_parser.h"
#include "chat/template.h"
#include "engine/answer.h"
#include "engine/session.h"
#include "text/tokenizer.h"

namespace glimmer::apps {

struct ChatAnswer {
  engine::Answer answer;
  chat::ParsedOutput parsed;
};

class Chat {
 public:
  // All must outlive the chat.
  Chat(const chat::ChatTemplate& chat_template, const text::Tokenizer& tokenizer,
       engine::Session& session)
      : template_(chat_template), tokenizer_(tokenizer), session_(session) {}

  engine::AnswerOptions options;
  std::string system;    // the first message; empty: none
  bool thinking = true;  // what `enable_thinking` says

  // Adds the user's message and the model's answer. Events come as they are settled. When the
  // answer fails or never began, the conversation is as it was.
  base::Result<ChatAnswer> Ask(const std::string& message,
                               const std::function<void(const chat::OutputEvent&)>& on_event,
                               const base::CancelFlag& interrupt);
  // Forgets the last question and its answer; the question, or nothing without any.
  std::optional<std::string> TakeBack();
  void Clear() { messages_.clear(); }

 private:
  base::Result<std::string> Prompt() const;

  const chat::ChatTemplate& template_;
  const text::Tokenizer& tokenizer_;
  engine::Session& session_;
  base::JsonArray messages_;
};

}  // namespace glimmer::apps
