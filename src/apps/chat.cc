#include "apps/chat.h"

namespace glimmer::apps {
namespace {

using base::JsonObject;
using base::Result;

// The answer as a message for the next prompt.
JsonObject MessageOf(const chat::ParsedOutput& parsed) {
  JsonObject message = {{"role", "assistant"}, {"content", parsed.content.value_or("")}};
  if (parsed.reasoning) message["reasoning_content"] = *parsed.reasoning;
  base::JsonArray calls;
  for (const chat::ParsedCall& call : parsed.calls) {
    calls.push_back(
        {{"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  }
  if (!calls.empty()) message["tool_calls"] = std::move(calls);
  return message;
}

}  // namespace

Result<std::string> Chat::Prompt() const {
  base::JsonArray messages;
  if (!system.empty()) messages.push_back({{"role", "system"}, {"content", system}});
  messages.insert(messages.end(), messages_.begin(), messages_.end());
  chat::ChatInput input;
  input.messages = std::move(messages);
  input.extra["enable_thinking"] = thinking;
  return template_.Render(input);
}

Result<ChatAnswer> Chat::Ask(const std::string& message,
                             const std::function<void(const chat::OutputEvent&)>& on_event,
                             const base::CancelFlag& interrupt) {
  messages_.push_back({{"role", "user"}, {"content", message}});
  Result<ChatAnswer> result = [&]() -> Result<ChatAnswer> {
    GLIMMER_ASSIGN(const std::string prompt, Prompt());
    GLIMMER_ASSIGN(const std::vector<text::TokenId> ids, tokenizer_.Encode(prompt));
    const auto start = chat::PromptOpensThinking(prompt) ? chat::OutputParser::Start::kThinking
                                                         : chat::OutputParser::Start::kAnswer;
    chat::OutputParser parser(start, {});
    std::vector<chat::OutputEvent> events;
    const auto take = [&](std::vector<chat::OutputEvent> settled) {
      for (chat::OutputEvent& event : settled) {
        on_event(event);
        events.push_back(std::move(event));
      }
    };
    ChatAnswer answer;
    GLIMMER_ASSIGN(answer.answer,
                   engine::MakeAnswer(
                       session_, tokenizer_, ids, options,
                       [&](std::string_view piece) { take(parser.Feed(piece)); }, interrupt));
    take(parser.Finish());
    answer.parsed = chat::Collected(events, start);
    return answer;
  }();
  if (result.ok()) {
    messages_.push_back(MessageOf(result.value().parsed));
  } else {
    messages_.pop_back();
  }
  return result;
}

std::optional<std::string> Chat::TakeBack() {
  if (messages_.size() < 2) return std::nullopt;
  messages_.pop_back();
  const std::string question(messages_.back().as_object().at("content").as_string());
  messages_.pop_back();
  return question;
}

}  // namespace glimmer::apps
