// Walks a parsed template and writes its output. One interpreter renders once.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/jinja/ast.h"
#include "chat/jinja/heap.h"
#include "chat/jinja/scope.h"
#include "chat/jinja/value.h"

namespace glimmer::chat::jinja {

class Interpreter {
 public:
  // `now` is what strftime_now tells. `ast` and `heap` must outlive the interpreter.
  Interpreter(const Ast& ast, Heap& heap, std::time_t now);
  ~Interpreter();

  Heap& heap() { return heap_; }
  std::time_t now() const { return now_; }
  // The line of the template that was evaluated last.
  int line() const { return line_; }

  // Gives the template a variable. Only before Run.
  void SetVariable(std::string_view name, Value value);
  // The output. Throws Failure.
  std::string Run();

  // For filters, tests and functions. Each throws Failure.
  Value Call(const Value& callee, const Arguments& arguments);
  Value Filter(std::string_view name, const Value& input, const Arguments& arguments);
  bool Test(std::string_view name, const Value& input, const Arguments& arguments);
  // A macro's output as a text. `scope` is where it was defined.
  Value CallMacro(const MacroDefinition& macro, const std::shared_ptr<Scope>& scope,
                  const Arguments& arguments);
  // One level of a recursive loop, as a text.
  Value RunRecursion(const ForStatement& loop, const std::shared_ptr<Scope>& scope,
                     const Value& iterable, size_t level);

 private:
  enum class Flow { kNormal, kBreak, kContinue };
  class Deeper;
  class Entered;

  Flow Execute(const Body& body);
  Flow Execute(const Statement& statement);
  Flow ExecuteIf(const IfStatement& statement);
  Flow ExecuteScope(const ScopeStatement& statement);
  void ExecuteSetBlock(const SetBlockStatement& statement);
  void ExecuteCallBlock(const CallBlockStatement& statement);
  void ExecuteFilterBlock(const FilterBlockStatement& statement);
  void DefineMacro(const MacroStatement& statement);

  // What a jump in the `else` part does to the enclosing loop.
  Flow RunLoop(const ForStatement& loop, const Value& iterable, size_t level);
  std::vector<Value> FilteredItems(const ForStatement& loop, std::vector<Value> items);

  Value Evaluate(const Expr& expr);
  Value EvaluateName(const NameExpr& expr);
  Value EvaluateSequence(const SequenceExpr& expr);
  Value EvaluateDict(const DictExpr& expr);
  Value EvaluateAttribute(const AttributeExpr& expr);
  Value EvaluateItem(const ItemExpr& expr);
  Value EvaluateSlice(const SliceExpr& expr);
  Value EvaluateCall(const CallExpr& expr, const Value* caller);
  Value EvaluateFilter(const FilterExpr& expr);
  Value EvaluateTest(const TestExpr& expr);
  Value EvaluateArithmetic(const ArithmeticExpr& expr);
  Value EvaluateUnary(const UnaryExpr& expr);
  Value EvaluateLogic(const LogicExpr& expr);
  Value EvaluateComparison(const ComparisonExpr& expr);
  Value EvaluateConcat(const ConcatExpr& expr);
  Value EvaluateConditional(const ConditionalExpr& expr);
  Arguments EvaluateArguments(const ArgumentExprs& exprs);
  void AddStarArguments(const ArgumentExprs& exprs, Arguments& arguments);
  Value ApplyFilters(const std::vector<FilterStep>& steps, Value value);

  void Assign(const Target& target, const Value& value);
  void AssignAttribute(const Target& target, const Value& value);
  void BindMacro(const MacroDefinition& macro, const Arguments& arguments);
  void BindExtraArguments(const MacroDefinition& macro, const Arguments& arguments);

  void Write(std::string_view text);
  void Print(const Value& value);
  // What the body writes, instead of writing it.
  std::string Captured(const Body& body);
  const std::string& NameOf(Symbol symbol) const { return ast_.names[symbol]; }

  const Ast& ast_;
  Heap& heap_;
  const std::time_t now_;
  std::shared_ptr<Scope> scope_;
  TextBuilder* out_ = nullptr;
  TextBuilder* main_out_ = nullptr;
  size_t depth_ = 0;
  int line_ = 1;
};

}  // namespace glimmer::chat::jinja
