// An answer on the screen: the text on standard output, the thinking before it dimmed, statistics
// behind it. Where standard output is no terminal it gets the answer alone, and the rest goes to
// standard error.
#pragma once

#include <string>

#include "apps/chat.h"
#include "chat/output_parser.h"

namespace glimmer::apps {

class AnswerView {
 public:
  explicit AnswerView(bool show_thinking);
  void Show(const chat::OutputEvent& event);
  // Ends the last line.
  void Finish();

 private:
  enum class Part { kNothing, kThinking, kAnswer };
  void Enter(Part part);
  void Leave();
  void ShowThinking(const std::string& text);
  void ShowAnswer(const std::string& text);

  bool show_thinking_;
  bool terminal_;  // standard output
  bool at_line_start_ = true;
  Part part_ = Part::kNothing;
};

// "prompt 51 tokens, 412/s; answer 64 tokens, 230/s; end token; seed 7".
std::string StatisticsText(const engine::Answer& answer, uint64_t seed);
base::JsonObject AnswerJson(const ChatAnswer& answer, uint64_t seed);

}  // namespace glimmer::apps
