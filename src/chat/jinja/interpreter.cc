// The statements of interpreter.h.
#include "chat/jinja/interpreter.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/interpreter_parts.h"
#include "chat/jinja/loop.h"
#include "chat/jinja/macro.h"
#include "chat/jinja/value_ops.h"
#include "chat/jinja/value_text.h"

namespace glimmer::chat::jinja {

Interpreter::Interpreter(const Ast& ast, Heap& heap, std::time_t now)
    : ast_(ast), heap_(heap), now_(now), scope_(std::make_shared<Scope>(heap, nullptr)) {}

Interpreter::~Interpreter() = default;

void Interpreter::SetVariable(std::string_view name, Value value) {
  const auto at = std::find(ast_.names.begin(), ast_.names.end(), name);
  if (at == ast_.names.end()) return;  // the template never mentions it
  scope_->Set(static_cast<Symbol>(at - ast_.names.begin()), std::move(value));
}

std::string Interpreter::Run() {
  TextBuilder out(heap_);
  out_ = main_out_ = &out;
  Execute(ast_.body);
  return out.Take();
}

void Interpreter::Write(std::string_view text) {
  const size_t limit = heap_.limits().max_output_bytes;
  if (out_ == main_out_ && text.size() > limit - out_->size()) {
    FailExhausted(
        fmt::format("the output grows beyond its limit of {} bytes", base::WithCommas(limit)));
  }
  out_->Append(text);
}

void Interpreter::Print(const Value& value) {
  if (value.IsText()) return Write(value.bytes());
  Write(ToText(heap_, value));
}

std::string Interpreter::Captured(const Body& body) {
  TextBuilder captured(heap_);
  TextBuilder* outer = std::exchange(out_, &captured);
  try {
    Execute(body);
  } catch (...) {
    out_ = outer;
    throw;
  }
  out_ = outer;
  return captured.Take();
}

Interpreter::Flow Interpreter::Execute(const Body& body) {
  for (const auto& statement : body) {
    const Flow flow = Execute(*statement);
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::Execute(const Statement& statement) {
  const Deeper deeper(*this);
  line_ = statement.line;
  switch (statement.kind) {
    case Statement::Kind::kText:
      Write(static_cast<const TextStatement&>(statement).text);
      return Flow::kNormal;
    case Statement::Kind::kPrint:
      Print(Evaluate(*static_cast<const PrintStatement&>(statement).value));
      return Flow::kNormal;
    case Statement::Kind::kFor: {
      const auto& loop = static_cast<const ForStatement&>(statement);
      return RunLoop(loop, Evaluate(*loop.iterable), 1);
    }
    case Statement::Kind::kIf:
      return ExecuteIf(static_cast<const IfStatement&>(statement));
    case Statement::Kind::kSet: {
      const auto& set = static_cast<const SetStatement&>(statement);
      Assign(set.target, Evaluate(*set.value));
      return Flow::kNormal;
    }
    case Statement::Kind::kSetBlock:
      ExecuteSetBlock(static_cast<const SetBlockStatement&>(statement));
      return Flow::kNormal;
    case Statement::Kind::kMacro:
      DefineMacro(static_cast<const MacroStatement&>(statement));
      return Flow::kNormal;
    case Statement::Kind::kCallBlock:
      ExecuteCallBlock(static_cast<const CallBlockStatement&>(statement));
      return Flow::kNormal;
    case Statement::Kind::kFilterBlock:
      ExecuteFilterBlock(static_cast<const FilterBlockStatement&>(statement));
      return Flow::kNormal;
    case Statement::Kind::kWith:
      return ExecuteScope(static_cast<const ScopeStatement&>(statement));
    case Statement::Kind::kBreak:
      return Flow::kBreak;
    case Statement::Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::ExecuteIf(const IfStatement& statement) {
  for (const auto& [condition, body] : statement.branches) {
    if (IsTrue(Evaluate(*condition))) return Execute(body);
  }
  return Execute(statement.otherwise);
}

Interpreter::Flow Interpreter::ExecuteScope(const ScopeStatement& statement) {
  // The values are evaluated outside of the new scope.
  std::vector<Value> values;
  for (const auto& [target, expr] : statement.variables) values.push_back(Evaluate(*expr));
  const Entered entered(*this, std::make_shared<Scope>(heap_, scope_));
  for (size_t i = 0; i < values.size(); ++i) Assign(statement.variables[i].first, values[i]);
  return Execute(statement.body);
}

void Interpreter::ExecuteSetBlock(const SetBlockStatement& statement) {
  Value text;
  {
    const Entered entered(*this, std::make_shared<Scope>(heap_, scope_));
    text = MakeText(heap_, Captured(statement.body));
  }
  line_ = statement.line;
  Assign(statement.target, ApplyFilters(statement.filters, std::move(text)));
}

void Interpreter::ExecuteFilterBlock(const FilterBlockStatement& statement) {
  Value text;
  {
    const Entered entered(*this, std::make_shared<Scope>(heap_, scope_));
    text = MakeText(heap_, Captured(statement.body));
  }
  line_ = statement.line;
  Print(ApplyFilters(statement.filters, std::move(text)));
}

void Interpreter::DefineMacro(const MacroStatement& statement) {
  Scope::Capture(heap_, scope_);
  scope_->Set(statement.symbol,
              Value(std::shared_ptr<Object>(std::make_shared<Macro>(statement.macro, scope_))));
}

void Interpreter::ExecuteCallBlock(const CallBlockStatement& statement) {
  Scope::Capture(heap_, scope_);
  const Value caller(std::shared_ptr<Object>(std::make_shared<Macro>(statement.caller, scope_)));
  Print(EvaluateCall(static_cast<const CallExpr&>(*statement.call), &caller));
}

Interpreter::Flow Interpreter::RunLoop(const ForStatement& loop, const Value& iterable,
                                       size_t level) {
  std::vector<Value> items = ItemsOf(heap_, iterable);
  if (loop.filter != nullptr) items = FilteredItems(loop, std::move(items));
  const auto list = std::make_shared<List>(heap_, ListKind::kList, std::move(items));
  const auto state = std::make_shared<Loop>(list, loop, scope_, level);
  auto scope = std::make_shared<Scope>(heap_, scope_);
  // jinja2 runs `else` unless some pass came to its end: `break` and `continue` do not count.
  bool was_completed = false;
  for (size_t i = 0; i < list->items.size(); ++i) {
    heap_.Step();
    if (scope->is_captured()) scope = std::make_shared<Scope>(heap_, scope_);
    scope->Clear();
    state->MoveTo(i);
    const Entered entered(*this, scope);
    Assign(loop.target, list->items[i]);
    scope_->Set(ast_.loop, Value(std::shared_ptr<Object>(state)));
    const Flow flow = Execute(loop.body);
    was_completed = was_completed || flow == Flow::kNormal;
    if (flow == Flow::kBreak) break;
  }
  if (was_completed) return Flow::kNormal;
  const Entered entered(*this, std::make_shared<Scope>(heap_, scope_));
  return Execute(loop.otherwise);
}

std::vector<Value> Interpreter::FilteredItems(const ForStatement& loop, std::vector<Value> items) {
  std::vector<Value> kept;
  const auto scope = std::make_shared<Scope>(heap_, scope_);
  const Entered entered(*this, scope);
  for (Value& item : items) {
    Assign(loop.target, item);
    if (IsTrue(Evaluate(*loop.filter))) kept.push_back(std::move(item));
  }
  return kept;
}

Value Interpreter::RunRecursion(const ForStatement& loop, const std::shared_ptr<Scope>& scope,
                                const Value& iterable, size_t level) {
  const Deeper deeper(*this);
  const int line = line_;
  TextBuilder captured(heap_);
  TextBuilder* outer = std::exchange(out_, &captured);
  try {
    const Entered entered(*this, scope);
    RunLoop(loop, iterable, level);
  } catch (...) {
    out_ = outer;
    throw;
  }
  out_ = outer;
  line_ = line;
  return MakeText(heap_, captured.Take());
}

void Interpreter::Assign(const Target& target, const Value& value) {
  if (!target.attribute.empty()) return AssignAttribute(target, value);
  if (!target.is_tuple) return scope_->Set(target.symbol, value);
  const std::vector<Value> items = ItemsOf(heap_, value);
  if (items.size() != target.nested.size()) {
    line_ = target.line;
    Fail(fmt::format("{} names stand for {} values", target.nested.size(), items.size()));
  }
  for (size_t i = 0; i < items.size(); ++i) Assign(target.nested[i], items[i]);
}

void Interpreter::AssignAttribute(const Target& target, const Value& value) {
  const Value* owner = scope_->Find(target.symbol);
  auto* attributes = owner == nullptr ? nullptr : owner->ObjectAs<Namespace>();
  if (attributes == nullptr) {
    line_ = target.line;
    Fail(fmt::format("{}.{} cannot be set: only attributes of a namespace can",
                     NameOf(target.symbol), target.attribute));
  }
  attributes->Set(target.attribute, value);
}

Value Interpreter::CallMacro(const MacroDefinition& macro, const std::shared_ptr<Scope>& scope,
                             const Arguments& arguments) {
  const Deeper deeper(*this);
  const int line = line_;
  const Entered entered(*this, std::make_shared<Scope>(heap_, scope));
  BindMacro(macro, arguments);
  std::string text = Captured(macro.body);
  line_ = line;
  return MakeText(heap_, std::move(text));
}

void Interpreter::BindMacro(const MacroDefinition& macro, const Arguments& arguments) {
  const auto& parameters = macro.parameters;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto named =
        std::find_if(arguments.named.begin(), arguments.named.end(),
                     [&](const auto& argument) { return argument.first == parameters[i].name; });
    if (i < arguments.positional.size()) {
      if (named != arguments.named.end()) {
        Fail(fmt::format("the macro {} was given {} twice", macro.name, parameters[i].name));
      }
      scope_->Set(parameters[i].symbol, arguments.positional[i]);
    } else if (named != arguments.named.end()) {
      scope_->Set(parameters[i].symbol, named->second);
    } else if (parameters[i].preset != nullptr) {
      scope_->Set(parameters[i].symbol, Evaluate(*parameters[i].preset));
    } else {
      scope_->Set(parameters[i].symbol, MakeUndefined(fmt::format("the macro {} was not given {}",
                                                                  macro.name, parameters[i].name)));
    }
  }
  BindExtraArguments(macro, arguments);
}

void Interpreter::BindExtraArguments(const MacroDefinition& macro, const Arguments& arguments) {
  const size_t count = macro.parameters.size();
  if (macro.uses_varargs) {
    std::vector<Value> extra;
    for (size_t i = count; i < arguments.positional.size(); ++i) {
      extra.push_back(arguments.positional[i]);
    }
    scope_->Set(ast_.varargs, MakeList(heap_, std::move(extra), ListKind::kTuple));
  } else if (arguments.positional.size() > count) {
    Fail(fmt::format("the macro {} takes {} arguments and was given {}", macro.name, count,
                     arguments.positional.size()));
  }
  if (macro.uses_caller) {
    scope_->Set(ast_.caller, MakeUndefined("no `call` block gives this macro a caller"));
  }
  auto extra = std::make_shared<Dict>(heap_);
  for (const auto& [name, value] : arguments.named) {
    const auto is_it = [&wanted = name](const auto& parameter) { return parameter.name == wanted; };
    if (std::any_of(macro.parameters.begin(), macro.parameters.end(), is_it)) continue;
    if (macro.uses_caller && name == "caller") {
      scope_->Set(ast_.caller, value);
    } else if (macro.uses_kwargs) {
      extra->Set(MakeText(heap_, name), value);
    } else {
      Fail(fmt::format("the macro {} has no parameter {}", macro.name, base::Quoted(name)));
    }
  }
  if (macro.uses_kwargs) scope_->Set(ast_.kwargs, Value(std::shared_ptr<const Dict>(extra)));
}

}  // namespace glimmer::chat::jinja
