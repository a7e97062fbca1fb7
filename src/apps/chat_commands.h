// What a line that begins with / does in a chat.
#pragma once

#include <string>

#include "apps/chat.h"

namespace glimmer::apps {

// The state that commands change, besides the chat's own.
struct ChatState {
  Chat& chat;
  bool statistics = true;
  bool quit = false;
};

// What to print. A question that is to be asked again is left in `ask`.
struct CommandResult {
  std::string text;
  std::string ask;
};

// REQUIRES: line begins with '/'.
CommandResult RunChatCommand(const std::string& line, ChatState& state);

}  // namespace glimmer::apps
