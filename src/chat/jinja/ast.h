// A parsed template: statements and expressions as plain data, made by parser.h and walked by
// interpreter.h. Names of variables are numbered once, so that scopes compare numbers.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chat/jinja/value.h"
#include "chat/jinja/value_ops.h"

namespace glimmer::chat::jinja {

using Symbol = size_t;  // index into Ast::names

struct Expr {
  enum class Kind {
    kLiteral,
    kName,
    kList,
    kTuple,
    kDict,
    kAttribute,
    kItem,
    kSlice,
    kCall,
    kFilter,
    kTest,
    kArithmetic,
    kUnary,
    kLogic,
    kComparison,
    kConcat,
    kConditional,
  };
  Expr(Kind expr_kind, int expr_line) : kind(expr_kind), line(expr_line) {}
  virtual ~Expr() = default;

  const Kind kind;
  const int line;
  size_t depth = 1;  // nodes on the longest way down
};
using ExprPtr = std::unique_ptr<Expr>;

// The arguments of a call: f(1, *list, a=2, **dict).
struct ArgumentExprs {
  struct Named {
    std::string name;
    ExprPtr value;
  };
  std::vector<ExprPtr> positional;
  std::vector<Named> named;
  ExprPtr star;         // *list, or nullptr
  ExprPtr double_star;  // **dict, or nullptr
};

struct LiteralExpr : Expr {
  LiteralExpr(int at, Value literal) : Expr(Kind::kLiteral, at), value(std::move(literal)) {}
  Value value;
};
struct NameExpr : Expr {
  NameExpr(int at, Symbol name) : Expr(Kind::kName, at), symbol(name) {}
  Symbol symbol;
};
// A list or a tuple.
struct SequenceExpr : Expr {
  SequenceExpr(Kind list_or_tuple, int at) : Expr(list_or_tuple, at) {}
  std::vector<ExprPtr> items;
};
struct DictExpr : Expr {
  explicit DictExpr(int at) : Expr(Kind::kDict, at) {}
  std::vector<std::pair<ExprPtr, ExprPtr>> entries;
};
struct AttributeExpr : Expr {
  explicit AttributeExpr(int at) : Expr(Kind::kAttribute, at) {}
  ExprPtr object;
  std::string name;
};
struct ItemExpr : Expr {
  explicit ItemExpr(int at) : Expr(Kind::kItem, at) {}
  ExprPtr object;
  ExprPtr key;
};
struct SliceExpr : Expr {
  explicit SliceExpr(int at) : Expr(Kind::kSlice, at) {}
  ExprPtr object;
  ExprPtr start;  // each of the three may be nullptr
  ExprPtr stop;
  ExprPtr step;
};
struct CallExpr : Expr {
  explicit CallExpr(int at) : Expr(Kind::kCall, at) {}
  ExprPtr callee;
  ArgumentExprs arguments;
};
struct FilterStep {
  int line;
  std::string name;
  ArgumentExprs arguments;
};
struct FilterExpr : Expr {
  explicit FilterExpr(int at) : Expr(Kind::kFilter, at) {}
  ExprPtr operand;
  FilterStep step;
};
struct TestExpr : Expr {
  explicit TestExpr(int at) : Expr(Kind::kTest, at) {}
  ExprPtr operand;
  std::string name;
  ArgumentExprs arguments;
};
// Operators of one rank, from left to right.
struct ArithmeticExpr : Expr {
  explicit ArithmeticExpr(int at) : Expr(Kind::kArithmetic, at) {}
  ExprPtr first;
  std::vector<std::pair<BinaryOperator, ExprPtr>> rest;
};
enum class UnaryOperator { kNot, kMinus, kPlus };
struct UnaryExpr : Expr {
  UnaryExpr(int at, UnaryOperator o) : Expr(Kind::kUnary, at), op(o) {}
  UnaryOperator op;
  ExprPtr operand;
};
// a and b and c, or a or b or c.
struct LogicExpr : Expr {
  LogicExpr(int at, bool ends_on_true) : Expr(Kind::kLogic, at), is_or(ends_on_true) {}
  bool is_or;
  std::vector<ExprPtr> operands;
};
// a < b <= c.
struct ComparisonExpr : Expr {
  enum class Operator {
    kEqual,
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kIn,
    kNotIn
  };
  explicit ComparisonExpr(int at) : Expr(Kind::kComparison, at) {}
  ExprPtr first;
  std::vector<std::pair<Operator, ExprPtr>> rest;
};
struct ConcatExpr : Expr {
  explicit ConcatExpr(int at) : Expr(Kind::kConcat, at) {}
  std::vector<ExprPtr> parts;
};
struct ConditionalExpr : Expr {
  explicit ConditionalExpr(int at) : Expr(Kind::kConditional, at) {}
  ExprPtr condition;
  ExprPtr then;
  ExprPtr otherwise;  // or nullptr
};

// What `set` and `for` assign to: a name, namespace.attribute, or several of them.
struct Target {
  int line = 0;
  Symbol symbol = 0;
  std::string attribute;       // not empty: of the namespace `symbol`
  std::vector<Target> nested;  // not empty, or is_tuple: unpacks
  bool is_tuple = false;
};

struct Statement {
  enum class Kind {
    kText,
    kPrint,
    kFor,
    kIf,
    kSet,
    kSetBlock,
    kMacro,
    kCallBlock,
    kFilterBlock,
    kWith,
    kBreak,
    kContinue,
  };
  Statement(Kind statement_kind, int at) : kind(statement_kind), line(at) {}
  virtual ~Statement() = default;

  const Kind kind;
  const int line;
};
using Body = std::vector<std::unique_ptr<Statement>>;

struct TextStatement : Statement {
  TextStatement(int at, std::string bytes) : Statement(Kind::kText, at), text(std::move(bytes)) {}
  std::string text;
};
struct PrintStatement : Statement {
  explicit PrintStatement(int at) : Statement(Kind::kPrint, at) {}
  ExprPtr value;
};
struct ForStatement : Statement {
  explicit ForStatement(int at) : Statement(Kind::kFor, at) {}
  Target target;
  ExprPtr iterable;
  ExprPtr filter;  // or nullptr
  bool is_recursive = false;
  Body body;
  Body otherwise;
};
struct IfStatement : Statement {
  explicit IfStatement(int at) : Statement(Kind::kIf, at) {}
  std::vector<std::pair<ExprPtr, Body>> branches;  // if and elif
  Body otherwise;
};
struct SetStatement : Statement {
  explicit SetStatement(int at) : Statement(Kind::kSet, at) {}
  Target target;
  ExprPtr value;
};
struct SetBlockStatement : Statement {
  explicit SetBlockStatement(int at) : Statement(Kind::kSetBlock, at) {}
  Target target;
  std::vector<FilterStep> filters;
  Body body;
};
struct MacroDefinition {
  struct Parameter {
    Symbol symbol;
    std::string name;
    ExprPtr preset;  // or nullptr
  };
  std::string name;
  std::vector<Parameter> parameters;
  // Whether the body mentions the names of that meaning.
  bool uses_varargs = false;
  bool uses_kwargs = false;
  bool uses_caller = false;
  Body body;
};
struct MacroStatement : Statement {
  explicit MacroStatement(int at) : Statement(Kind::kMacro, at) {}
  Symbol symbol = 0;
  MacroDefinition macro;
};
struct CallBlockStatement : Statement {
  explicit CallBlockStatement(int at) : Statement(Kind::kCallBlock, at) {}
  ExprPtr call;  // a CallExpr
  MacroDefinition caller;
};
struct FilterBlockStatement : Statement {
  explicit FilterBlockStatement(int at) : Statement(Kind::kFilterBlock, at) {}
  std::vector<FilterStep> filters;
  Body body;
};
// `with` and `generation`: a body with variables of its own.
struct ScopeStatement : Statement {
  explicit ScopeStatement(int at) : Statement(Kind::kWith, at) {}
  std::vector<std::pair<Target, ExprPtr>> variables;
  Body body;
};
// `break` and `continue`.
struct JumpStatement : Statement {
  using Statement::Statement;
};

struct Ast {
  std::vector<std::string> names;  // of each Symbol
  // Names with a meaning of their own inside loops and macros.
  Symbol loop = 0;
  Symbol caller = 0;
  Symbol varargs = 0;
  Symbol kwargs = 0;
  Body body;
};

}  // namespace glimmer::chat::jinja
