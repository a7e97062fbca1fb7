// The operands of expression_parser.h: literals, names, calls, filters, tests, targets.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "chat/jinja/expression_parser.h"
#include "chat/jinja/failure.h"

namespace glimmer::chat::jinja {

using TokenKind = Token::Kind;

ExprPtr ExpressionParser::ParsePrimary() {
  const Token& token = stream_.current();
  if (token.kind == TokenKind::kString) return ParseString();
  if (token.kind == TokenKind::kInteger || token.kind == TokenKind::kFloat) return ParseNumber();
  if (stream_.IsOperator("(")) return ParseParentheses();
  if (stream_.IsOperator("[")) return ParseList();
  if (stream_.IsOperator("{")) return ParseDict();
  if (token.kind != TokenKind::kName) stream_.FailUnexpected("an expression");
  const std::string name = stream_.Take().text;
  if (name == "true" || name == "True") {
    return std::make_unique<LiteralExpr>(token.line, Value(true));
  }
  if (name == "false" || name == "False") {
    return std::make_unique<LiteralExpr>(token.line, Value(false));
  }
  if (name == "none" || name == "None") {
    return std::make_unique<LiteralExpr>(token.line, Value(None{}));
  }
  return std::make_unique<NameExpr>(token.line, stream_.SymbolOf(name));
}

ExprPtr ExpressionParser::ParseNumber() {
  const Token& token = stream_.Take();
  const Value value =
      token.kind == TokenKind::kInteger ? Value(token.integer) : Value(token.number);
  return std::make_unique<LiteralExpr>(token.line, value);
}

ExprPtr ExpressionParser::ParseString() {
  const int line = stream_.line();
  std::string text;
  while (stream_.Is(TokenKind::kString)) text += stream_.Take().text;
  return std::make_unique<LiteralExpr>(
      line, Value(std::make_shared<const Text>(nullptr, std::move(text), false)));
}

bool ExpressionParser::EndsTuple() const {
  return stream_.Is(TokenKind::kBlockEnd) || stream_.Is(TokenKind::kPrintEnd) ||
         stream_.IsOperator(")") || stream_.IsName("in") || stream_.IsName("recursive");
}

ExprPtr ExpressionParser::ParseTuple(Conditionals conditionals) {
  const int line = stream_.line();
  auto tuple = std::make_unique<SequenceExpr>(Expr::Kind::kTuple, line);
  bool has_comma = false;
  while (!EndsTuple()) {
    tuple->items.push_back(conditionals == Conditionals::kAllowed ? ParseExpression()
                                                                  : ParseLogicalOr());
    Deepen(*tuple, tuple->items.back().get());
    if (!stream_.TakeOperator(",")) break;
    has_comma = true;
  }
  if (has_comma) return tuple;
  if (tuple->items.empty()) stream_.FailUnexpected("an expression");
  return std::move(tuple->items[0]);
}

ExprPtr ExpressionParser::ParseParentheses() {
  const int line = stream_.Take().line;
  if (stream_.TakeOperator(")")) {
    return std::make_unique<SequenceExpr>(Expr::Kind::kTuple, line);
  }
  ExprPtr value = ParseTuple(Conditionals::kAllowed);
  stream_.ExpectOperator(")");
  return value;
}

ExprPtr ExpressionParser::ParseList() {
  auto list = std::make_unique<SequenceExpr>(Expr::Kind::kList, stream_.Take().line);
  while (!stream_.IsOperator("]")) {
    if (!list->items.empty()) stream_.ExpectOperator(",");
    if (stream_.IsOperator("]")) break;
    list->items.push_back(ParseExpression());
    Deepen(*list, list->items.back().get());
  }
  stream_.ExpectOperator("]");
  return list;
}

ExprPtr ExpressionParser::ParseDict() {
  auto dict = std::make_unique<DictExpr>(stream_.Take().line);
  while (!stream_.IsOperator("}")) {
    if (!dict->entries.empty()) stream_.ExpectOperator(",");
    if (stream_.IsOperator("}")) break;
    ExprPtr key = ParseExpression();
    stream_.ExpectOperator(":");
    dict->entries.emplace_back(std::move(key), ParseExpression());
    Deepen(*dict, dict->entries.back().first.get());
    Deepen(*dict, dict->entries.back().second.get());
  }
  stream_.ExpectOperator("}");
  return dict;
}

ExprPtr ExpressionParser::ParsePostfix(ExprPtr operand) {
  while (true) {
    if (stream_.TakeOperator(".")) {
      operand = ParseAfterDot(std::move(operand));
    } else if (stream_.TakeOperator("[")) {
      operand = ParseSubscript(std::move(operand));
    } else if (stream_.IsOperator("(")) {
      operand = ParseCall(std::move(operand));
    } else {
      return operand;
    }
  }
}

ExprPtr ExpressionParser::ParseAfterDot(ExprPtr operand) {
  if (stream_.Is(TokenKind::kInteger)) {
    auto expr = std::make_unique<ItemExpr>(stream_.line());
    expr->object = std::move(operand);
    expr->key = ParseNumber();
    Deepen(*expr, expr->object.get());
    return expr;
  }
  auto expr = std::make_unique<AttributeExpr>(stream_.line());
  expr->object = std::move(operand);
  expr->name = stream_.TakeAnyName("a name or a number after \".\"");
  Deepen(*expr, expr->object.get());
  return expr;
}

// After "[": a key, a slice, or a tuple of keys.
ExprPtr ExpressionParser::ParseSubscript(ExprPtr operand) {
  const int line = stream_.line();
  const auto is_part_end = [this] { return stream_.IsOperator(":") || stream_.IsOperator("]"); };
  ExprPtr first = is_part_end() ? nullptr : ParseExpression();
  if (!stream_.TakeOperator(":")) {
    auto expr = std::make_unique<ItemExpr>(line);
    if (first == nullptr) stream_.FailUnexpected("a key");
    if (stream_.IsOperator(","))
      stream_.FailUnexpected("\"]\" (keys with commas are not supported)");
    stream_.ExpectOperator("]");
    Deepen(*expr, operand.get());
    Deepen(*expr, first.get());
    expr->object = std::move(operand);
    expr->key = std::move(first);
    return expr;
  }
  auto slice = std::make_unique<SliceExpr>(line);
  slice->object = std::move(operand);
  slice->start = std::move(first);
  if (!is_part_end()) slice->stop = ParseExpression();
  if (stream_.TakeOperator(":") && !is_part_end()) slice->step = ParseExpression();
  stream_.ExpectOperator("]");
  for (const ExprPtr* part : {&slice->object, &slice->start, &slice->stop, &slice->step}) {
    Deepen(*slice, part->get());
  }
  return slice;
}

ExprPtr ExpressionParser::ParseCall(ExprPtr callee) {
  auto call = std::make_unique<CallExpr>(stream_.line());
  call->arguments = ParseArguments();
  call->callee = std::move(callee);
  Deepen(*call, call->callee.get());
  Deepen(*call, call->arguments);
  return call;
}

ArgumentExprs ExpressionParser::ParseArguments() {
  ArgumentExprs arguments;
  stream_.ExpectOperator("(");
  bool is_first = true;
  while (!stream_.IsOperator(")")) {
    if (!is_first) stream_.ExpectOperator(",");
    is_first = false;
    if (stream_.IsOperator(")")) break;
    ParseArgument(arguments);
  }
  stream_.ExpectOperator(")");
  return arguments;
}

void ExpressionParser::ParseArgument(ArgumentExprs& arguments) {
  const int line = stream_.line();
  if (stream_.TakeOperator("**")) {
    if (arguments.double_star) FailAt(line, "`**` stands twice in one call");
    arguments.double_star = ParseExpression();
    return;
  }
  if (stream_.TakeOperator("*")) {
    if (arguments.star || arguments.double_star) FailAt(line, "misplaced `*` in a call");
    arguments.star = ParseExpression();
    return;
  }
  const bool is_named = stream_.Is(TokenKind::kName) &&
                        stream_.ahead().kind == TokenKind::kOperator && stream_.ahead().text == "=";
  if (is_named && !arguments.double_star) {
    std::string name = stream_.Take().text;
    stream_.Take();
    arguments.named.push_back({std::move(name), ParseExpression()});
    return;
  }
  if (!arguments.named.empty() || arguments.star || arguments.double_star) {
    FailAt(line, "a positional argument stands behind a named one");
  }
  arguments.positional.push_back(ParseExpression());
}

ExprPtr ExpressionParser::ParseFilters(ExprPtr operand) {
  while (true) {
    if (stream_.TakeOperator("|")) {
      auto filter = std::make_unique<FilterExpr>(stream_.line());
      filter->step = ParseFilterStep();
      filter->operand = std::move(operand);
      Deepen(*filter, filter->operand.get());
      Deepen(*filter, filter->step.arguments);
      operand = std::move(filter);
    } else if (stream_.TakeName("is")) {
      operand = ParseTest(std::move(operand));
    } else if (stream_.IsOperator("(")) {
      operand = ParseCall(std::move(operand));
    } else {
      return operand;
    }
  }
}

FilterStep ExpressionParser::ParseFilterStep() {
  FilterStep step;
  step.line = stream_.line();
  step.name = stream_.TakeAnyName("the name of a filter");
  while (stream_.TakeOperator(".")) step.name += "." + stream_.TakeAnyName("a name");
  if (stream_.IsOperator("(")) step.arguments = ParseArguments();
  return step;
}

std::vector<FilterStep> ExpressionParser::ParseFilterSteps() {
  std::vector<FilterStep> steps;
  do {
    steps.push_back(ParseFilterStep());
  } while (stream_.TakeOperator("|"));
  return steps;
}

ExprPtr ExpressionParser::ParseTest(ExprPtr operand) {
  const int line = stream_.line();
  const bool is_negated = stream_.TakeName("not");
  auto test = std::make_unique<TestExpr>(line);
  test->name = stream_.TakeAnyName("the name of a test");
  while (stream_.TakeOperator(".")) test->name += "." + stream_.TakeAnyName("a name");
  const bool is_operand_name = stream_.Is(TokenKind::kName) && !stream_.IsName("else") &&
                               !stream_.IsName("or") && !stream_.IsName("and");
  if (stream_.IsOperator("(")) {
    test->arguments = ParseArguments();
  } else if (is_operand_name || stream_.Is(TokenKind::kString) || stream_.Is(TokenKind::kInteger) ||
             stream_.Is(TokenKind::kFloat) || stream_.IsOperator("[") || stream_.IsOperator("{")) {
    if (stream_.IsName("is")) FailAt(line, "tests cannot be chained with `is`");
    test->arguments.positional.push_back(ParsePostfix(ParsePrimary()));
  }
  test->operand = std::move(operand);
  Deepen(*test, test->operand.get());
  Deepen(*test, test->arguments);
  if (!is_negated) return test;
  auto negation = std::make_unique<UnaryExpr>(line, UnaryOperator::kNot);
  Deepen(*negation, test.get());
  negation->operand = std::move(test);
  return negation;
}

Target ExpressionParser::ParseTarget() {
  const TokenStream::Nested nested(stream_);
  Target first = ParseSingleTarget();
  if (!stream_.IsOperator(",")) return first;
  Target tuple;
  tuple.line = first.line;
  tuple.is_tuple = true;
  tuple.nested.push_back(std::move(first));
  while (stream_.TakeOperator(",")) {
    if (EndsTuple() || stream_.IsOperator("=")) break;
    tuple.nested.push_back(ParseSingleTarget());
  }
  return tuple;
}

Target ExpressionParser::ParseSingleTarget() {
  if (stream_.TakeOperator("(")) {
    Target inner = ParseTarget();
    stream_.ExpectOperator(")");
    return inner;
  }
  Target target;
  target.line = stream_.line();
  const std::string name = stream_.TakeAnyName("a name to assign to");
  static constexpr std::array<std::string_view, 6> kConstants = {"true", "false", "none",
                                                                 "True", "False", "None"};
  if (std::find(kConstants.begin(), kConstants.end(), name) != kConstants.end()) {
    FailAt(target.line, fmt::format("{} cannot be assigned to", base::Quoted(name)));
  }
  target.symbol = stream_.SymbolOf(name);
  if (stream_.TakeOperator(".")) target.attribute = stream_.TakeAnyName("a name");
  return target;
}

}  // namespace glimmer::chat::jinja
