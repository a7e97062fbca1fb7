// The expressions of interpreter.h.
#include <fmt/format.h>

#include "base/text.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/filters.h"
#include "chat/jinja/functions.h"
#include "chat/jinja/interpreter.h"
#include "chat/jinja/interpreter_parts.h"
#include "chat/jinja/tests.h"
#include "chat/jinja/value_ops.h"
#include "chat/jinja/value_text.h"

namespace glimmer::chat::jinja {

Value Interpreter::Call(const Value& callee, const Arguments& arguments) {
  RequireDefined(callee);
  if (callee.kind() != Kind::kObject || !callee.object().IsCallable()) {
    Fail(fmt::format("a {} cannot be called", TypeName(callee)));
  }
  const Deeper deeper(*this);
  return callee.object().Call(*this, arguments);
}

Value Interpreter::Filter(std::string_view name, const Value& input, const Arguments& arguments) {
  const FilterBody body = FindFilter(name);
  if (body == nullptr) Fail("there is no filter " + base::Quoted(name));
  const Deeper deeper(*this);
  return body(*this, input, arguments);
}

bool Interpreter::Test(std::string_view name, const Value& input, const Arguments& arguments) {
  const TestBody body = FindTest(name);
  if (body == nullptr) Fail("there is no test " + base::Quoted(name));
  return body(*this, input, arguments);
}

Value Interpreter::Evaluate(const Expr& expr) {
  const Deeper deeper(*this);
  line_ = expr.line;
  switch (expr.kind) {
    case Expr::Kind::kLiteral:
      return static_cast<const LiteralExpr&>(expr).value;
    case Expr::Kind::kName:
      return EvaluateName(static_cast<const NameExpr&>(expr));
    case Expr::Kind::kList:
    case Expr::Kind::kTuple:
      return EvaluateSequence(static_cast<const SequenceExpr&>(expr));
    case Expr::Kind::kDict:
      return EvaluateDict(static_cast<const DictExpr&>(expr));
    case Expr::Kind::kAttribute:
      return EvaluateAttribute(static_cast<const AttributeExpr&>(expr));
    case Expr::Kind::kItem:
      return EvaluateItem(static_cast<const ItemExpr&>(expr));
    case Expr::Kind::kSlice:
      return EvaluateSlice(static_cast<const SliceExpr&>(expr));
    case Expr::Kind::kCall:
      return EvaluateCall(static_cast<const CallExpr&>(expr), nullptr);
    case Expr::Kind::kFilter:
      return EvaluateFilter(static_cast<const FilterExpr&>(expr));
    case Expr::Kind::kTest:
      return EvaluateTest(static_cast<const TestExpr&>(expr));
    case Expr::Kind::kArithmetic:
      return EvaluateArithmetic(static_cast<const ArithmeticExpr&>(expr));
    case Expr::Kind::kUnary:
      return EvaluateUnary(static_cast<const UnaryExpr&>(expr));
    case Expr::Kind::kLogic:
      return EvaluateLogic(static_cast<const LogicExpr&>(expr));
    case Expr::Kind::kComparison:
      return EvaluateComparison(static_cast<const ComparisonExpr&>(expr));
    case Expr::Kind::kConcat:
      return EvaluateConcat(static_cast<const ConcatExpr&>(expr));
    case Expr::Kind::kConditional:
      return EvaluateConditional(static_cast<const ConditionalExpr&>(expr));
  }
  return Value();
}

Value Interpreter::EvaluateName(const NameExpr& expr) {
  if (const Value* value = scope_->Find(expr.symbol)) return *value;
  const std::string& name = NameOf(expr.symbol);
  if (auto function = FindFunction(name)) return std::move(*function);
  return MakeUndefined(fmt::format("{} is not defined", base::Quoted(name)));
}

Value Interpreter::EvaluateSequence(const SequenceExpr& expr) {
  std::vector<Value> items;
  items.reserve(expr.items.size());
  for (const auto& item : expr.items) items.push_back(Evaluate(*item));
  line_ = expr.line;
  return MakeList(heap_, std::move(items),
                  expr.kind == Expr::Kind::kList ? ListKind::kList : ListKind::kTuple);
}

Value Interpreter::EvaluateDict(const DictExpr& expr) {
  auto dict = std::make_shared<Dict>(heap_);
  for (const auto& [key, value] : expr.entries) {
    const Value made_key = Evaluate(*key);
    dict->Set(made_key, Evaluate(*value));
  }
  line_ = expr.line;
  return Value(std::shared_ptr<const Dict>(std::move(dict)));
}

Value Interpreter::EvaluateAttribute(const AttributeExpr& expr) {
  const Value object = Evaluate(*expr.object);
  line_ = expr.line;
  return AttributeOf(heap_, object, expr.name);
}

Value Interpreter::EvaluateItem(const ItemExpr& expr) {
  const Value object = Evaluate(*expr.object);
  const Value key = Evaluate(*expr.key);
  line_ = expr.line;
  return ItemOf(heap_, object, key);
}

Value Interpreter::EvaluateSlice(const SliceExpr& expr) {
  const Value object = Evaluate(*expr.object);
  const auto bound = [this](const ExprPtr& part) {
    return part == nullptr ? Value(None{}) : Evaluate(*part);
  };
  SliceBounds bounds;
  bounds.start = bound(expr.start);
  bounds.stop = bound(expr.stop);
  bounds.step = bound(expr.step);
  line_ = expr.line;
  return Slice(heap_, object, bounds);
}

Arguments Interpreter::EvaluateArguments(const ArgumentExprs& exprs) {
  Arguments arguments;
  for (const auto& expr : exprs.positional) arguments.positional.push_back(Evaluate(*expr));
  for (const auto& [name, expr] : exprs.named) {
    for (const auto& [other, value] : arguments.named) {
      if (other == name) Fail(fmt::format("{} is given twice", base::Quoted(name)));
    }
    arguments.named.emplace_back(name, Evaluate(*expr));
  }
  AddStarArguments(exprs, arguments);
  return arguments;
}

void Interpreter::AddStarArguments(const ArgumentExprs& exprs, Arguments& arguments) {
  if (exprs.star != nullptr) {
    for (Value& item : ItemsOf(heap_, Evaluate(*exprs.star))) {
      arguments.positional.push_back(std::move(item));
    }
  }
  if (exprs.double_star == nullptr) return;
  const Value dict = Evaluate(*exprs.double_star);
  if (!dict.IsDict()) Fail(fmt::format("`**` needs a dict, not a {}", TypeName(dict)));
  for (const auto& [key, value] : dict.dict().entries()) {
    arguments.named.emplace_back(TextArgument(key, "a key behind `**`"), value);
  }
}

Value Interpreter::EvaluateCall(const CallExpr& expr, const Value* caller) {
  const Value callee = Evaluate(*expr.callee);
  Arguments arguments = EvaluateArguments(expr.arguments);
  if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
  line_ = expr.line;
  return Call(callee, arguments);
}

Value Interpreter::EvaluateFilter(const FilterExpr& expr) {
  const Value operand = Evaluate(*expr.operand);
  const Arguments arguments = EvaluateArguments(expr.step.arguments);
  line_ = expr.line;
  return Filter(expr.step.name, operand, arguments);
}

Value Interpreter::ApplyFilters(const std::vector<FilterStep>& steps, Value value) {
  for (const FilterStep& step : steps) {
    const Arguments arguments = EvaluateArguments(step.arguments);
    line_ = step.line;
    value = Filter(step.name, value, arguments);
  }
  return value;
}

Value Interpreter::EvaluateTest(const TestExpr& expr) {
  const Value operand = Evaluate(*expr.operand);
  const Arguments arguments = EvaluateArguments(expr.arguments);
  line_ = expr.line;
  return Value(Test(expr.name, operand, arguments));
}

Value Interpreter::EvaluateArithmetic(const ArithmeticExpr& expr) {
  Value value = Evaluate(*expr.first);
  for (const auto& [op, operand] : expr.rest) {
    const Value right = Evaluate(*operand);
    line_ = operand->line;
    heap_.Step();
    value = Combine(heap_, op, value, right);
  }
  return value;
}

Value Interpreter::EvaluateUnary(const UnaryExpr& expr) {
  const Value operand = Evaluate(*expr.operand);
  line_ = expr.line;
  switch (expr.op) {
    case UnaryOperator::kNot:
      return Value(!IsTrue(operand));
    case UnaryOperator::kMinus:
      return Negated(operand);
    case UnaryOperator::kPlus:
      return Positive(operand);
  }
  return Value();
}

Value Interpreter::EvaluateLogic(const LogicExpr& expr) {
  Value value;
  for (const auto& operand : expr.operands) {
    value = Evaluate(*operand);
    if (IsTrue(value) == expr.is_or) return value;
  }
  return value;
}

Value Interpreter::EvaluateComparison(const ComparisonExpr& expr) {
  using Operator = ComparisonExpr::Operator;
  Value left = Evaluate(*expr.first);
  for (const auto& [op, operand] : expr.rest) {
    Value right = Evaluate(*operand);
    line_ = operand->line;
    const bool holds = op == Operator::kIn ? IsIn(heap_, left, right)
                       : op == Operator::kNotIn
                           ? !IsIn(heap_, left, right)
                           : Compares(heap_, static_cast<Comparison>(op), left, right);
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Value Interpreter::EvaluateConcat(const ConcatExpr& expr) {
  TextBuilder out(heap_);
  for (const auto& part : expr.parts) out.Append(ToText(heap_, Evaluate(*part)));
  line_ = expr.line;
  return MakeText(heap_, out.Take());
}

Value Interpreter::EvaluateConditional(const ConditionalExpr& expr) {
  if (IsTrue(Evaluate(*expr.condition))) return Evaluate(*expr.then);
  if (expr.otherwise != nullptr) return Evaluate(*expr.otherwise);
  return MakeUndefined("the `if` in an expression was false and there is no `else`");
}

}  // namespace glimmer::chat::jinja
