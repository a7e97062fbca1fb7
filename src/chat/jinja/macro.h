// A macro as a value: its definition and the scope it was defined in.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/jinja/ast.h"
#include "chat/jinja/interpreter.h"
#include "chat/jinja/value.h"

namespace glimmer::chat::jinja {

class Macro : public Object {
 public:
  // `definition` must outlive the macro.
  Macro(const MacroDefinition& definition, std::shared_ptr<Scope> scope)
      : definition_(definition), scope_(std::move(scope)) {}

  std::string Shown() const override { return "<Macro " + definition_.name + ">"; }
  bool IsCallable() const override { return true; }
  Value Call(Interpreter& interpreter, const Arguments& arguments) override {
    return interpreter.CallMacro(definition_, scope_, arguments);
  }
  std::optional<Value> Attribute(Heap& heap, std::string_view name) override {
    if (name == "name") return MakeText(heap, definition_.name);
    if (name == "catch_kwargs") return Value(definition_.uses_kwargs);
    if (name == "catch_varargs") return Value(definition_.uses_varargs);
    if (name == "caller") return Value(definition_.uses_caller);
    if (name != "arguments") return std::nullopt;
    std::vector<Value> names;
    for (const auto& parameter : definition_.parameters) {
      names.push_back(MakeText(heap, parameter.name));
    }
    return MakeList(heap, std::move(names), ListKind::kTuple);
  }

 private:
  const MacroDefinition& definition_;
  const std::shared_ptr<Scope> scope_;
};

}  // namespace glimmer::chat::jinja
