// A Jinja template, ready to render: the subset that the chat templates of Hugging Face models
// use, in the environment that transformers gives them (trim_blocks, lstrip_blocks, break and
// continue, `generation`, immutable data, tojson without HTML escapes, raise_exception,
// strftime_now). Not there: inheritance, includes, imports, autoescape.
// A template is untrusted: whatever it does, rendering ends within its Limits.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_types.h"
#include "base/result.h"
#include "chat/jinja/limits.h"

namespace glimmer::chat::jinja {

struct Ast;

// Thread-safe: one program may render on several threads at once.
class Program {
 public:
  // `name` is put before each error, as `name: line 3: …`.
  // Errors: kCorrupt when it is no template; kExhausted when it is too large.
  static base::Result<Program> Parse(std::string_view source, std::string name,
                                     const Limits& limits = {});

  // The output, with the members of `variables` as variables. `now` is the time that strftime_now
  // tells, the present by default.
  // Errors: kInvalid for what Python would raise and for raise_exception; kExhausted beyond a
  // limit. Each names the line.
  base::Result<std::string> Render(const base::JsonObject& variables,
                                   std::optional<std::time_t> now = std::nullopt) const;

  // Whether the template mentions this name anywhere.
  bool Mentions(std::string_view variable) const;

 private:
  Program() = default;

  std::string name_;
  Limits limits_;
  std::shared_ptr<const Ast> ast_;
};

}  // namespace glimmer::chat::jinja
