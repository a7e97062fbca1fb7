// How the interpreter's parts report a template error to its entry points (jinja/program.h), which
// turn it into a base::Error. Never leaves this folder.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace glimmer::chat::jinja {

struct Failure {
  base::ErrorKind kind;
  std::string message;
  int line = 0;  // 0: the line that is being evaluated
};

[[noreturn]] inline void Fail(std::string message) {
  throw Failure{base::ErrorKind::kInvalid, std::move(message)};
}
[[noreturn]] inline void FailAt(int line, std::string message) {
  throw Failure{base::ErrorKind::kCorrupt, std::move(message), line};
}
[[noreturn]] inline void FailExhausted(std::string message) {
  throw Failure{base::ErrorKind::kExhausted, std::move(message)};
}

}  // namespace glimmer::chat::jinja
