#include "apps/line_editor.h"

#include <editline/readline.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>

namespace glimmer::apps {
namespace {

UserLine ReadPlainly() {
  std::string text;
  if (!std::getline(std::cin, text)) return {LineEnd::kEndOfInput, ""};
  return {LineEnd::kLine, std::move(text)};
}

// What the library's callback delivers: nothing while the line goes on.
std::optional<UserLine> g_line;

void OnLine(char* text) {
  g_line = UserLine{text == nullptr ? LineEnd::kEndOfInput : LineEnd::kLine,
                    text == nullptr ? "" : text};
  if (text != nullptr && *text != '\0') ::add_history(text);
  std::free(text);
  ::rl_callback_handler_remove();
}

// Ctrl-C otherwise takes away keys that wait to be read, and a read after ppoll() would block.
void KeepKeysAtInterrupts() {
  static const int initialized = ::rl_initialize();
  static_cast<void>(initialized);
  char command[] = "setty -d +noflsh";
  ::rl_parse_and_bind(command);
}

// Signals arrive inside ppoll() and nowhere else (the pool's workers take none): one between two
// reads would otherwise be seen only after the next key.
UserLine ReadFromTerminal(const std::string& prompt) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGINT);
  sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  g_line.reset();
  KeepKeysAtInterrupts();
  ::rl_callback_handler_install(prompt.c_str(), OnLine);
  while (!g_line) {
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    if (::ppoll(&input, 1, nullptr, &before) > 0) {
      ::rl_callback_read_char();
    } else {
      ::rl_callback_handler_remove();
      g_line = UserLine{LineEnd::kInterrupted, ""};
    }
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return *std::move(g_line);
}

}  // namespace

UserLine ReadUserLine(const std::string& prompt) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) return ReadPlainly();
  return ReadFromTerminal(prompt);
}

}  // namespace glimmer::apps
