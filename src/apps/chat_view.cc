#include "apps/chat_view.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "apps/terminal.h"
#include "base/text.h"

namespace glimmer::apps {

AnswerView::AnswerView(bool show_thinking)
    : show_thinking_(show_thinking), terminal_(::isatty(STDOUT_FILENO) != 0) {}

void AnswerView::Show(const chat::OutputEvent& event) {
  using Kind = chat::OutputEvent::Kind;
  switch (event.kind) {
    case Kind::kReasoning:
      if (show_thinking_) ShowThinking(event.text);
      break;
    case Kind::kContent:
      ShowAnswer(event.text);
      break;
    case Kind::kCallBegin:
      ShowAnswer((at_line_start_ ? "[call " : "\n[call ") + event.text + " ");
      break;
    case Kind::kArguments:
      ShowAnswer(event.text);
      break;
    case Kind::kCallEnd:
      ShowAnswer("]\n");
      break;
  }
  std::fflush(stdout);
}

// Dims once for the whole thinking, not for each piece of it.
void AnswerView::Enter(Part part) {
  if (part_ == part) return;
  Leave();
  part_ = part;
  if (part == Part::kThinking && terminal_) std::fputs(DimBegin(), stdout);
}

void AnswerView::Leave() {
  if (part_ != Part::kThinking) return;
  std::FILE* to = terminal_ ? stdout : stderr;
  if (terminal_) std::fputs(DimEnd(), stdout);
  std::fputs(at_line_start_ ? "\n" : "\n\n", to);
  at_line_start_ = true;
}

void AnswerView::ShowThinking(const std::string& text) {
  Enter(Part::kThinking);
  std::fwrite(text.data(), 1, text.size(), terminal_ ? stdout : stderr);
  at_line_start_ = text.ends_with('\n');
}

void AnswerView::ShowAnswer(const std::string& text) {
  Enter(Part::kAnswer);
  Print(text);
  at_line_start_ = text.ends_with('\n');
}

void AnswerView::Finish() {
  Leave();
  part_ = Part::kNothing;
  if (!at_line_start_) std::fputs("\n", stdout);
  std::fflush(stdout);
}

std::string StatisticsText(const engine::Answer& answer, uint64_t seed) {
  const size_t remembered = answer.prompt_tokens - answer.prompt_tokens_computed;
  return fmt::format(
      "prompt {} tokens{}, {:.1f} tokens/s; answer {} tokens, {:.1f} tokens/s; {}; seed {}",
      base::WithCommas(answer.prompt_tokens),
      remembered == 0 ? "" : fmt::format(" ({} remembered)", base::WithCommas(remembered)),
      answer.prompt_tokens_per_second(), base::WithCommas(answer.decoded_tokens),
      answer.decode_tokens_per_second(), engine::AnswerEndName(answer.end), seed);
}

base::JsonObject AnswerJson(const ChatAnswer& chat_answer, uint64_t seed) {
  const engine::Answer& answer = chat_answer.answer;
  base::JsonObject json = {{"content", chat_answer.parsed.content.value_or("")},
                           {"text", answer.text},
                           {"ids", base::JsonArray(answer.ids.begin(), answer.ids.end())},
                           {"end", engine::AnswerEndName(answer.end)},
                           {"seed", seed},
                           {"prompt_tokens", answer.prompt_tokens},
                           {"answer_tokens", answer.decoded_tokens},
                           {"prompt_tokens_per_second", answer.prompt_tokens_per_second()},
                           {"decode_tokens_per_second", answer.decode_tokens_per_second()}};
  if (chat_answer.parsed.reasoning) json["reasoning"] = *chat_answer.parsed.reasoning;
  base::JsonArray calls;
  for (const chat::ParsedCall& call : chat_answer.parsed.calls) {
    calls.push_back({{"name", call.name}, {"arguments", call.arguments}});
  }
  if (!calls.empty()) json["tool_calls"] = std::move(calls);
  return json;
}

}  // namespace glimmer::apps
