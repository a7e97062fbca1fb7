// One line from the user: with editing and history on a terminal, read plainly otherwise.
#pragma once

#include <optional>
#include <string>

namespace glimmer::apps {

enum class LineEnd { kLine, kInterrupted, kEndOfInput };

struct UserLine {
  LineEnd end;
  std::string text;  // of kLine, without the line break
};

// Shows `prompt` on a terminal. Ctrl-C gives kInterrupted, Ctrl-D or the input's end kEndOfInput.
UserLine ReadUserLine(const std::string& prompt);

}  // namespace glimmer::apps
