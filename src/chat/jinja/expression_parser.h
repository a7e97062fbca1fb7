// Expressions: literals, operators by rank, filters, tests, calls.
#pragma once

#include <string_view>
#include <vector>

#include "chat/jinja/token_stream.h"

namespace glimmer::chat::jinja {

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& stream) : stream_(stream) {}

  // Each throws Failure with the line.
  ExprPtr ParseExpression();
  // Without a conditional at its top: what stands before a `for`'s filter.
  ExprPtr ParseLogicalOr();
  // One expression, or several with commas between them as a tuple; ends before the tag's end.
  enum class Conditionals { kAllowed, kForbidden };
  ExprPtr ParseTuple(Conditionals conditionals);
  // `name(…)|name…` as after `filter` and `set x`, without the leading bar.
  std::vector<FilterStep> ParseFilterSteps();
  ArgumentExprs ParseArguments();
  Target ParseTarget();

 private:
  ExprPtr ParseConditional();
  ExprPtr ParseLogicalAnd();
  ExprPtr ParseNot();
  ExprPtr ParseComparison();
  ExprPtr ParseSum();
  ExprPtr ParseConcat();
  ExprPtr ParseProduct();
  ExprPtr ParsePower();
  enum class Filters { kAllowed, kForbidden };
  ExprPtr ParseUnary(Filters filters);
  ExprPtr ParsePrimary();
  ExprPtr ParseNumber();
  ExprPtr ParseString();
  ExprPtr ParseParentheses();
  ExprPtr ParseList();
  ExprPtr ParseDict();
  ExprPtr ParsePostfix(ExprPtr operand);
  ExprPtr ParseAfterDot(ExprPtr operand);
  ExprPtr ParseSubscript(ExprPtr operand);
  ExprPtr ParseCall(ExprPtr callee);
  ExprPtr ParseFilters(ExprPtr operand);
  ExprPtr ParseTest(ExprPtr operand);
  FilterStep ParseFilterStep();
  void ParseArgument(ArgumentExprs& arguments);
  Target ParseSingleTarget();
  bool EndsTuple() const;
  // Records how deep the tree below `expr` goes. Throws Failure beyond the limit.
  void Deepen(Expr& expr, const Expr* child);
  void Deepen(Expr& expr, const ArgumentExprs& arguments);

  TokenStream& stream_;
};

}  // namespace glimmer::chat::jinja
