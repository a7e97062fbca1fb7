// What a GLM model writes, taken apart while it is being written: the reasoning before </think>,
// the answer, and tool calls
//   <tool_call>name<arg_key>k</arg_key><arg_value>v</arg_value>…</tool_call>
// One parser reads one answer, on one thread. Pieces may be cut anywhere, also inside tags: the
// events' texts, put together, are the same for every way of cutting.
//
// Rules. A call ends the thinking if it stands inside. A call is reported when its end tag is
// there, so that one that max_tokens cut off, or a broken one, is ordinary text. Text between
// and behind calls is dropped, and so is white space alone in front of the first one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_types.h"
#include "chat/tool_call_scanner.h"
#include "chat/tool_schema.h"

namespace glimmer::chat {

struct OutputEvent {
  enum class Kind {
    kReasoning,  // text: a piece of the reasoning
    kContent,    // text: a piece of the answer
    kCallBegin,  // text: the name of the function, whole
    kArguments,  // text: a piece of the arguments' JSON object
    kCallEnd,
  };
  Kind kind;
  std::string text;
  size_t call_index = 0;  // of the three events of calls, from 0
};

// Whether the model goes on thinking after this prompt: it ends with <think>.
bool PromptOpensThinking(std::string_view prompt);

class OutputParser {
 public:
  enum class Start { kThinking, kAnswer };
  // `tools` (an array as OpenAI writes it, or null) says which arguments are texts.
  OutputParser(Start start, const base::JsonValue& tools);

  // The events that this piece settles. REQUIRES: no Finish before.
  std::vector<OutputEvent> Feed(std::string_view piece);
  // The events of what was held back. Nothing may follow.
  std::vector<OutputEvent> Finish();

  // Whether a call was reported so far: decides the finish_reason "tool_calls".
  bool has_calls() const { return call_count_ > 0; }

 private:
  enum class State { kStart, kThinking, kAnswer, kCall };
  using Events = std::vector<OutputEvent>;

  bool Step(Events& events);
  bool StepStart();
  bool StepThinking(Events& events);
  bool StepAnswer(Events& events);
  bool StepCall(Events& events);
  void BeginCall(size_t at, Events& events);
  void TakeText(size_t bytes, Events& events);
  void EmitText(std::string_view text, Events& events);
  void EmitAnswer(std::string_view text, Events& events);
  void EmitCall(Events& events);

  ToolSchemas schemas_;
  State state_;
  State before_call_ = State::kAnswer;
  std::string buffer_;         // not yet settled
  std::string leading_space_;  // of the answer, until something follows it
  ToolCallScanner scanner_;
  bool has_answer_ = false;    // more than white space
  bool drops_answer_ = false;  // behind a call
  size_t call_count_ = 0;
};

// A whole answer at once.
struct ParsedCall {
  std::string name;
  std::string arguments;  // the text of a JSON object
};
struct ParsedOutput {
  std::optional<std::string> reasoning;  // absent when the model did not start by thinking
  std::optional<std::string> content;    // absent when empty
  std::vector<ParsedCall> calls;
};
ParsedOutput ParseOutput(std::string_view text, OutputParser::Start start,
                         const base::JsonValue& tools);
// The same from events.
ParsedOutput Collected(const std::vector<OutputEvent>& events, OutputParser::Start start);

}  // namespace glimmer::chat
