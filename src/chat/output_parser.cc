#include "chat/output_parser.h"

#include <algorithm>

#include "base/json.h"
#include "unicode/utf8.h"

namespace glimmer::chat {
namespace {

constexpr std::string_view kThink = "<think>";
constexpr std::string_view kThinkEnd = "</think>";
constexpr std::string_view kCall = "<tool_call>";

// Bytes at the end of `text` that may be the beginning of `tag`.
size_t HeldBytes(std::string_view text, std::string_view tag) {
  for (size_t bytes = std::min(text.size(), tag.size() - 1); bytes > 0; --bytes) {
    if (text.substr(text.size() - bytes) == tag.substr(0, bytes)) return bytes;
  }
  return 0;
}

}  // namespace

bool PromptOpensThinking(std::string_view prompt) {
  const size_t end = prompt.find_last_not_of(kOutputSpaces);
  return end != std::string_view::npos && prompt.substr(0, end + 1).ends_with(kThink);
}

OutputParser::OutputParser(Start start, const base::JsonValue& tools)
    : schemas_(tools), state_(start == Start::kThinking ? State::kStart : State::kAnswer) {}

std::vector<OutputEvent> OutputParser::Feed(std::string_view piece) {
  Events events;
  buffer_ += piece;
  while (Step(events)) {
  }
  return events;
}

std::vector<OutputEvent> OutputParser::Finish() {
  Events events;
  if (state_ == State::kCall) {
    state_ = before_call_;
    drops_answer_ = false;
  }
  TakeText(buffer_.size(), events);
  if (call_count_ == 0 && !leading_space_.empty()) {
    events.push_back({OutputEvent::Kind::kContent, std::move(leading_space_)});
  }
  return events;
}

// One change of state; false when more text is needed.
bool OutputParser::Step(Events& events) {
  switch (state_) {
    case State::kStart:
      return StepStart();
    case State::kThinking:
      return StepThinking(events);
    case State::kAnswer:
      return StepAnswer(events);
    case State::kCall:
      return StepCall(events);
  }
  return false;
}

// A model may repeat the <think> that already stands in the prompt.
bool OutputParser::StepStart() {
  const size_t first = std::min(buffer_.find_first_not_of(kOutputSpaces), buffer_.size());
  const std::string_view rest = std::string_view(buffer_).substr(first);
  if (rest.size() < kThink.size() && kThink.starts_with(rest)) return false;
  if (rest.starts_with(kThink)) buffer_.erase(0, first + kThink.size());
  state_ = State::kThinking;
  return true;
}

bool OutputParser::StepThinking(Events& events) {
  const size_t end = buffer_.find(kThinkEnd);
  const size_t call = buffer_.find(kCall);
  if (call < end) {
    BeginCall(call, events);
    return true;
  }
  if (end != std::string::npos) {
    TakeText(end, events);
    buffer_.erase(0, kThinkEnd.size());
    state_ = State::kAnswer;
    return true;
  }
  const size_t held = std::max(HeldBytes(buffer_, kThinkEnd), HeldBytes(buffer_, kCall));
  TakeText(buffer_.size() - held, events);
  return false;
}

bool OutputParser::StepAnswer(Events& events) {
  const size_t call = buffer_.find(kCall);
  if (call != std::string::npos) {
    BeginCall(call, events);
    return true;
  }
  TakeText(buffer_.size() - HeldBytes(buffer_, kCall), events);
  return false;
}

void OutputParser::BeginCall(size_t at, Events& events) {
  TakeText(at, events);
  before_call_ = state_;
  state_ = State::kCall;
  scanner_ = ToolCallScanner(kCall.size());
}

bool OutputParser::StepCall(Events& events) {
  switch (scanner_.Scan(buffer_)) {
    case ToolCallScanner::Outcome::kNeedsMore:
      return false;
    case ToolCallScanner::Outcome::kComplete:
      EmitCall(events);
      buffer_.erase(0, scanner_.end());
      state_ = State::kAnswer;
      return true;
    case ToolCallScanner::Outcome::kBroken:
      // The tag was only text. What follows it may hold another.
      state_ = before_call_;
      drops_answer_ = false;
      TakeText(kCall.size(), events);
      return true;
  }
  return false;
}

void OutputParser::EmitCall(Events& events) {
  const size_t index = call_count_++;
  leading_space_.clear();
  drops_answer_ = true;
  events.push_back({OutputEvent::Kind::kCallBegin, unicode::Repaired(scanner_.name()), index});
  events.push_back({OutputEvent::Kind::kArguments,
                    schemas_.ArgumentsJson(scanner_.name(), scanner_.arguments()), index});
  events.push_back({OutputEvent::Kind::kCallEnd, "", index});
}

// Moves the first bytes of the buffer into events.
void OutputParser::TakeText(size_t bytes, Events& events) {
  EmitText(std::string_view(buffer_).substr(0, bytes), events);
  buffer_.erase(0, bytes);
}

void OutputParser::EmitText(std::string_view text, Events& events) {
  if (text.empty()) return;
  if (state_ == State::kAnswer) return EmitAnswer(text, events);
  events.push_back({OutputEvent::Kind::kReasoning, std::string(text)});
}

void OutputParser::EmitAnswer(std::string_view text, Events& events) {
  if (drops_answer_) return;
  const bool is_space = text.find_first_not_of(kOutputSpaces) == std::string_view::npos;
  const bool is_leading = !has_answer_;
  if (is_space && is_leading) {
    leading_space_ += text;
    return;
  }
  has_answer_ = true;
  events.push_back(
      {OutputEvent::Kind::kContent, std::exchange(leading_space_, {}) + std::string(text)});
}

ParsedOutput Collected(const std::vector<OutputEvent>& events, OutputParser::Start start) {
  ParsedOutput output;
  if (start == OutputParser::Start::kThinking) output.reasoning = "";
  for (const OutputEvent& event : events) {
    switch (event.kind) {
      case OutputEvent::Kind::kReasoning:
        output.reasoning = output.reasoning.value_or("") + event.text;
        break;
      case OutputEvent::Kind::kContent:
        output.content = output.content.value_or("") + event.text;
        break;
      case OutputEvent::Kind::kCallBegin:
        output.calls.push_back({event.text, ""});
        break;
      case OutputEvent::Kind::kArguments:
        output.calls[event.call_index].arguments += event.text;
        break;
      case OutputEvent::Kind::kCallEnd:
        break;
    }
  }
  return output;
}

ParsedOutput ParseOutput(std::string_view text, OutputParser::Start start,
                         const base::JsonValue& tools) {
  OutputParser parser(start, tools);
  std::vector<OutputEvent> events = parser.Feed(text);
  for (OutputEvent& event : parser.Finish()) events.push_back(std::move(event));
  return Collected(events, start);
}

}  // namespace glimmer::chat
