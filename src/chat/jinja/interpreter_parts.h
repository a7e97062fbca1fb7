// Guards that the interpreter's files share.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "chat/jinja/failure.h"
#include "chat/jinja/interpreter.h"

namespace glimmer::chat::jinja {

// Counts one step, and one level of depth while it lives.
class Interpreter::Deeper {
 public:
  explicit Deeper(Interpreter& interpreter) : interpreter_(interpreter) {
    interpreter_.heap_.Step();
    const size_t limit = interpreter_.heap_.limits().max_depth;
    if (interpreter_.depth_ >= limit) {
      FailExhausted(
          fmt::format("macros, loops and expressions run deeper than the limit of {} "
                      "levels",
                      limit));
    }
    ++interpreter_.depth_;
  }
  ~Deeper() { --interpreter_.depth_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;

 private:
  Interpreter& interpreter_;
};

// Makes `scope` the current one while it lives.
class Interpreter::Entered {
 public:
  Entered(Interpreter& interpreter, std::shared_ptr<Scope> scope)
      : interpreter_(interpreter), outer_(std::exchange(interpreter.scope_, std::move(scope))) {}
  ~Entered() { interpreter_.scope_ = std::move(outer_); }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  Interpreter& interpreter_;
  std::shared_ptr<Scope> outer_;
};

}  // namespace glimmer::chat::jinja
