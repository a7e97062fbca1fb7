#include "apps/line_editor.h"

#include <editline/readline.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <iostream>

namespace glimmer::apps {
namespace {

UserLine ReadPlainly() {
  std::string text;
  if (!std::getline(std::cin, text)) return {LineEnd::kEndOfInput, ""};
  return {LineEnd::kLine, std::move(text)};
}

}  // namespace

UserLine ReadUserLine(const std::string& prompt) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) return ReadPlainly();
  errno = 0;
  char* line = ::readline(prompt.c_str());
  if (line == nullptr) {
    return {errno == EINTR ? LineEnd::kInterrupted : LineEnd::kEndOfInput, ""};
  }
  UserLine result = {LineEnd::kLine, line};
  if (*line != '\0') ::add_history(line);
  std::free(line);
  return result;
}

}  // namespace glimmer::apps
