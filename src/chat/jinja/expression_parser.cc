#include "chat/jinja/expression_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "chat/jinja/failure.h"

namespace glimmer::chat::jinja {
namespace {

using TokenKind = Token::Kind;

struct Rank {
  std::string_view sign;
  BinaryOperator op;
};
constexpr std::array<Rank, 2> kSums = {
    {{"+", BinaryOperator::kAdd}, {"-", BinaryOperator::kSubtract}}};
constexpr std::array<Rank, 4> kProducts = {{{"*", BinaryOperator::kMultiply},
                                            {"/", BinaryOperator::kDivide},
                                            {"//", BinaryOperator::kFloorDivide},
                                            {"%", BinaryOperator::kModulo}}};
constexpr std::array<Rank, 1> kPowers = {{{"**", BinaryOperator::kPower}}};

template <size_t kCount>
std::optional<BinaryOperator> OperatorAt(const TokenStream& stream,
                                         const std::array<Rank, kCount>& ranks) {
  for (const Rank& rank : ranks) {
    if (stream.IsOperator(rank.sign)) return rank.op;
  }
  return std::nullopt;
}

struct Relation {
  std::string_view sign;
  ComparisonExpr::Operator op;
};
constexpr std::array<Relation, 6> kRelations = {{{"==", ComparisonExpr::Operator::kEqual},
                                                 {"!=", ComparisonExpr::Operator::kNotEqual},
                                                 {"<", ComparisonExpr::Operator::kLess},
                                                 {"<=", ComparisonExpr::Operator::kLessEqual},
                                                 {">", ComparisonExpr::Operator::kGreater},
                                                 {">=", ComparisonExpr::Operator::kGreaterEqual}}};

// Moves behind the comparison operator at the current place, if there is one.
std::optional<ComparisonExpr::Operator> TakeRelation(TokenStream& stream) {
  for (const Relation& relation : kRelations) {
    if (stream.TakeOperator(relation.sign)) return relation.op;
  }
  if (stream.TakeName("in")) return ComparisonExpr::Operator::kIn;
  const bool is_not_in = stream.IsName("not") && stream.ahead().kind == TokenKind::kName &&
                         stream.ahead().text == "in";
  if (!is_not_in) return std::nullopt;
  stream.Take();
  stream.Take();
  return ComparisonExpr::Operator::kNotIn;
}

}  // namespace

void ExpressionParser::Deepen(Expr& expr, const Expr* child) {
  if (child == nullptr) return;
  expr.depth = std::max(expr.depth, child->depth + 1);
  if (expr.depth > stream_.limits().max_nesting) {
    FailAt(expr.line, fmt::format("the expression nests deeper than the limit of {} levels",
                                  stream_.limits().max_nesting));
  }
}

void ExpressionParser::Deepen(Expr& expr, const ArgumentExprs& arguments) {
  for (const auto& argument : arguments.positional) Deepen(expr, argument.get());
  for (const auto& argument : arguments.named) Deepen(expr, argument.value.get());
  Deepen(expr, arguments.star.get());
  Deepen(expr, arguments.double_star.get());
}

ExprPtr ExpressionParser::ParseExpression() {
  const TokenStream::Nested nested(stream_);
  return ParseConditional();
}

ExprPtr ExpressionParser::ParseConditional() {
  const int line = stream_.line();
  ExprPtr value = ParseLogicalOr();
  while (stream_.TakeName("if")) {
    auto expr = std::make_unique<ConditionalExpr>(line);
    expr->then = std::move(value);
    expr->condition = ParseLogicalOr();
    if (stream_.TakeName("else")) expr->otherwise = ParseExpression();
    for (const ExprPtr* part : {&expr->then, &expr->condition, &expr->otherwise}) {
      Deepen(*expr, part->get());
    }
    value = std::move(expr);
  }
  return value;
}

ExprPtr ExpressionParser::ParseLogicalOr() {
  ExprPtr first = ParseLogicalAnd();
  if (!stream_.IsName("or")) return first;
  auto expr = std::make_unique<LogicExpr>(first->line, true);
  Deepen(*expr, first.get());
  expr->operands.push_back(std::move(first));
  while (stream_.TakeName("or")) {
    expr->operands.push_back(ParseLogicalAnd());
    Deepen(*expr, expr->operands.back().get());
  }
  return expr;
}

ExprPtr ExpressionParser::ParseLogicalAnd() {
  ExprPtr first = ParseNot();
  if (!stream_.IsName("and")) return first;
  auto expr = std::make_unique<LogicExpr>(first->line, false);
  Deepen(*expr, first.get());
  expr->operands.push_back(std::move(first));
  while (stream_.TakeName("and")) {
    expr->operands.push_back(ParseNot());
    Deepen(*expr, expr->operands.back().get());
  }
  return expr;
}

ExprPtr ExpressionParser::ParseNot() {
  if (!stream_.IsName("not")) return ParseComparison();
  const TokenStream::Nested nested(stream_);
  auto expr = std::make_unique<UnaryExpr>(stream_.Take().line, UnaryOperator::kNot);
  expr->operand = ParseNot();
  Deepen(*expr, expr->operand.get());
  return expr;
}

ExprPtr ExpressionParser::ParseComparison() {
  ExprPtr first = ParseSum();
  auto expr = std::make_unique<ComparisonExpr>(first->line);
  while (const auto op = TakeRelation(stream_)) {
    expr->rest.emplace_back(*op, ParseSum());
    Deepen(*expr, expr->rest.back().second.get());
  }
  if (expr->rest.empty()) return first;
  Deepen(*expr, first.get());
  expr->first = std::move(first);
  return expr;
}

ExprPtr ExpressionParser::ParseSum() {
  ExprPtr first = ParseConcat();
  if (!OperatorAt(stream_, kSums)) return first;
  auto expr = std::make_unique<ArithmeticExpr>(first->line);
  Deepen(*expr, first.get());
  expr->first = std::move(first);
  while (const auto op = OperatorAt(stream_, kSums)) {
    stream_.Take();
    expr->rest.emplace_back(*op, ParseConcat());
    Deepen(*expr, expr->rest.back().second.get());
  }
  return expr;
}

ExprPtr ExpressionParser::ParseConcat() {
  ExprPtr first = ParseProduct();
  if (!stream_.IsOperator("~")) return first;
  auto expr = std::make_unique<ConcatExpr>(first->line);
  Deepen(*expr, first.get());
  expr->parts.push_back(std::move(first));
  while (stream_.TakeOperator("~")) {
    expr->parts.push_back(ParseProduct());
    Deepen(*expr, expr->parts.back().get());
  }
  return expr;
}

ExprPtr ExpressionParser::ParseProduct() {
  ExprPtr first = ParsePower();
  if (!OperatorAt(stream_, kProducts)) return first;
  auto expr = std::make_unique<ArithmeticExpr>(first->line);
  Deepen(*expr, first.get());
  expr->first = std::move(first);
  while (const auto op = OperatorAt(stream_, kProducts)) {
    stream_.Take();
    expr->rest.emplace_back(*op, ParsePower());
    Deepen(*expr, expr->rest.back().second.get());
  }
  return expr;
}

ExprPtr ExpressionParser::ParsePower() {
  ExprPtr first = ParseUnary(Filters::kAllowed);
  if (!OperatorAt(stream_, kPowers)) return first;
  auto expr = std::make_unique<ArithmeticExpr>(first->line);
  Deepen(*expr, first.get());
  expr->first = std::move(first);
  while (const auto op = OperatorAt(stream_, kPowers)) {
    stream_.Take();
    expr->rest.emplace_back(*op, ParseUnary(Filters::kAllowed));
    Deepen(*expr, expr->rest.back().second.get());
  }
  return expr;
}

ExprPtr ExpressionParser::ParseUnary(Filters filters) {
  const TokenStream::Nested nested(stream_);
  ExprPtr value;
  if (stream_.IsOperator("-") || stream_.IsOperator("+")) {
    const Token& sign = stream_.Take();
    auto expr = std::make_unique<UnaryExpr>(
        sign.line, sign.text == "-" ? UnaryOperator::kMinus : UnaryOperator::kPlus);
    expr->operand = ParseUnary(Filters::kForbidden);
    Deepen(*expr, expr->operand.get());
    value = std::move(expr);
  } else {
    value = ParsePrimary();
  }
  value = ParsePostfix(std::move(value));
  return filters == Filters::kAllowed ? ParseFilters(std::move(value)) : std::move(value);
}

}  // namespace glimmer::chat::jinja
