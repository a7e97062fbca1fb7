#include "chat/jinja/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <stdexcept>

#include "base/json.h"
#include "base/text.h"
#include "chat/jinja/ast.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/interpreter.h"
#include "chat/jinja/parser.h"
#include "chat/jinja/value_text.h"
#include "unicode/utf8.h"

namespace glimmer::chat::jinja {
namespace {

// Runs `body` and turns what it throws into an Error; `line` tells where that was.
template <typename Body, typename Line>
auto Caught(const std::string& name, Body body, Line line) -> base::Result<decltype(body())> {
  const auto error = [&name](base::ErrorKind kind, int at, const std::string& message) {
    return base::Error{kind, fmt::format("{}: line {}: {}", name, at, message)};
  };
  try {
    return body();
  } catch (const Failure& failure) {
    return error(failure.kind, failure.line > 0 ? failure.line : line(), failure.message);
  } catch (const std::bad_alloc&) {
    return error(base::ErrorKind::kExhausted, line(), "the machine has no more memory");
  } catch (const std::length_error&) {
    return error(base::ErrorKind::kExhausted, line(), "a text or list would be too long");
  }
}

}  // namespace

base::Result<Program> Program::Parse(std::string_view source, std::string name,
                                     const Limits& limits) {
  if (source.size() > limits.max_template_bytes) {
    return base::Exhausted(fmt::format("{}: the template has {} bytes, more than the limit of {}",
                                       name, base::WithCommas(source.size()),
                                       base::WithCommas(limits.max_template_bytes)));
  }
  const size_t invalid = unicode::ValidPrefixBytes(source);
  if (invalid < source.size()) {
    return base::Corrupt(fmt::format("{}: byte {} is not valid UTF-8", name, invalid));
  }
  auto ast = Caught(
      name, [&] { return std::make_shared<const Ast>(jinja::Parse(source, limits)); },
      [] { return 1; });
  if (!ast.ok()) return std::move(ast).error();
  Program program;
  program.name_ = std::move(name);
  program.limits_ = limits;
  program.ast_ = std::move(ast).value();
  return program;
}

base::Result<std::string> Program::Render(const base::JsonObject& variables,
                                          std::optional<std::time_t> now) const {
  Heap heap(limits_);
  Interpreter interpreter(*ast_, heap, now.value_or(std::time(nullptr)));
  return Caught(
      name_,
      [&] {
        for (const auto& member : variables) {
          if (!Mentions(member.key())) continue;
          interpreter.SetVariable(member.key(), FromJson(heap, member.value()));
        }
        return interpreter.Run();
      },
      [&] { return interpreter.line(); });
}

bool Program::Mentions(std::string_view variable) const {
  return std::find(ast_->names.begin(), ast_->names.end(), variable) != ast_->names.end();
}

}  // namespace glimmer::chat::jinja
