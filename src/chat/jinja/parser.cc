#include "chat/jinja/parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "chat/jinja/expression_parser.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/token_stream.h"

namespace glimmer::chat::jinja {
namespace {

using TokenKind = Token::Kind;
using StatementPtr = std::unique_ptr<Statement>;
using Names = std::initializer_list<std::string_view>;

class Parser {
 public:
  Parser(std::string_view source, const Limits& limits)
      : stream_(Tokenize(source, limits), limits), expressions_(stream_) {
    ast_.loop = stream_.SymbolOf("loop");
    ast_.caller = stream_.SymbolOf("caller");
    ast_.varargs = stream_.SymbolOf("varargs");
    ast_.kwargs = stream_.SymbolOf("kwargs");
  }

  Ast Run() {
    ast_.body = ParseBody({});
    ast_.names = stream_.TakeNames();
    return std::move(ast_);
  }

 private:
  // Statements up to a block tag that begins with one of `ends`, which becomes the current token;
  // up to the end of the template when there are none.
  Body ParseBody(Names ends) {
    const TokenStream::Nested nested(stream_);
    const int first_line = stream_.line();
    Body body;
    while (true) {
      const Token& token = stream_.Take();
      if (token.kind == TokenKind::kText) {
        body.push_back(std::make_unique<TextStatement>(token.line, token.text));
      } else if (token.kind == TokenKind::kPrintBegin) {
        body.push_back(ParsePrint(token.line));
      } else if (token.kind == TokenKind::kBlockBegin) {
        const bool is_end =
            stream_.Is(TokenKind::kName) &&
            std::find(ends.begin(), ends.end(), stream_.current().text) != ends.end();
        if (is_end) return body;
        body.push_back(ParseStatement(ends));
      } else {
        if (ends.size() == 0) return body;
        FailAt(first_line, fmt::format("the template ends without {}", Listed(ends)));
      }
    }
  }

  static std::string Listed(Names names) {
    std::string listed;
    for (const auto name : names) listed += (listed.empty() ? "" : " or ") + base::Quoted(name);
    return listed;
  }

  void EndTag() { stream_.Expect(TokenKind::kBlockEnd, "the end of the tag"); }

  StatementPtr ParsePrint(int line) {
    auto print = std::make_unique<PrintStatement>(line);
    print->value = expressions_.ParseTuple(ExpressionParser::Conditionals::kAllowed);
    stream_.Expect(TokenKind::kPrintEnd, "\"}}\"");
    return print;
  }

  StatementPtr ParseStatement(Names ends) {
    const int line = stream_.line();
    const std::string tag = stream_.TakeAnyName("the name of a tag");
    if (tag == "for") return ParseFor(line);
    if (tag == "if") return ParseIf(line);
    if (tag == "set") return ParseSet(line);
    if (tag == "macro") return ParseMacro(line);
    if (tag == "call") return ParseCallBlock(line);
    if (tag == "filter") return ParseFilterBlock(line);
    if (tag == "with") return ParseWith(line);
    if (tag == "generation") return ParseGeneration(line);
    if (tag == "break" || tag == "continue") return ParseJump(line, tag);
    if (tag == "print") return ParsePrintTag(line);
    for (const auto known : {"include", "import", "from", "extends", "block", "autoescape"}) {
      if (tag == known) FailAt(line, fmt::format("the tag \"{}\" is not supported", tag));
    }
    std::string message = "unknown tag " + base::Quoted(tag);
    if (ends.size() > 0) message += ", expected " + Listed(ends);
    FailAt(line, message);
  }

  StatementPtr ParsePrintTag(int line) {
    auto print = std::make_unique<PrintStatement>(line);
    auto values = std::make_unique<ConcatExpr>(line);
    do {
      values->parts.push_back(expressions_.ParseExpression());
    } while (stream_.TakeOperator(","));
    print->value = std::move(values);
    EndTag();
    return print;
  }

  StatementPtr ParseFor(int line) {
    auto loop = std::make_unique<ForStatement>(line);
    loop->target = expressions_.ParseTarget();
    RefuseAttributes(loop->target);
    RefuseLoop(loop->target);
    stream_.ExpectName("in");
    loop->iterable = expressions_.ParseTuple(ExpressionParser::Conditionals::kForbidden);
    if (stream_.TakeName("if")) loop->filter = expressions_.ParseExpression();
    loop->is_recursive = stream_.TakeName("recursive");
    EndTag();
    ++loops_;
    loop->body = ParseBody({"endfor", "else"});
    --loops_;
    if (stream_.Take().text == "else") {
      EndTag();
      loop->otherwise = ParseBody({"endfor"});
      stream_.Take();
    }
    EndTag();
    return loop;
  }

  static void RefuseAttributes(const Target& target) {
    if (!target.attribute.empty()) FailAt(target.line, "a loop cannot assign to an attribute");
    for (const Target& nested : target.nested) RefuseAttributes(nested);
  }

  void RefuseLoop(const Target& target) {
    const bool is_loop = !target.is_tuple && target.symbol == ast_.loop;
    if (is_loop) FailAt(target.line, "a loop cannot assign to its own \"loop\"");
    for (const Target& nested : target.nested) RefuseLoop(nested);
  }

  StatementPtr ParseIf(int line) {
    auto statement = std::make_unique<IfStatement>(line);
    std::string tag = "if";
    while (tag != "else" && tag != "endif") {
      ExprPtr condition = expressions_.ParseTuple(ExpressionParser::Conditionals::kForbidden);
      EndTag();
      statement->branches.emplace_back(std::move(condition), ParseBody({"elif", "else", "endif"}));
      tag = stream_.Take().text;
    }
    EndTag();
    if (tag == "else") {
      statement->otherwise = ParseBody({"endif"});
      stream_.Take();
      EndTag();
    }
    return statement;
  }

  StatementPtr ParseSet(int line) {
    Target target = expressions_.ParseTarget();
    if (stream_.TakeOperator("=")) {
      auto set = std::make_unique<SetStatement>(line);
      set->target = std::move(target);
      set->value = expressions_.ParseTuple(ExpressionParser::Conditionals::kAllowed);
      EndTag();
      return set;
    }
    auto block = std::make_unique<SetBlockStatement>(line);
    block->target = std::move(target);
    if (stream_.TakeOperator("|")) block->filters = expressions_.ParseFilterSteps();
    EndTag();
    block->body = ParseInner("endset");
    return block;
  }

  // A body in which `break` would leave what encloses it, up to the end tag and past it.
  Body ParseInner(std::string_view end) {
    const int loops = std::exchange(loops_, 0);
    Body body = ParseBody({end});
    loops_ = loops;
    stream_.Take();
    EndTag();
    return body;
  }

  void ParseParameters(MacroDefinition& macro) {
    stream_.ExpectOperator("(");
    while (!stream_.IsOperator(")")) {
      if (!macro.parameters.empty()) stream_.ExpectOperator(",");
      if (stream_.IsOperator(")")) break;
      MacroDefinition::Parameter parameter;
      const int line = stream_.line();
      parameter.name = stream_.TakeAnyName("the name of a parameter");
      parameter.symbol = stream_.SymbolOf(parameter.name);
      if (stream_.TakeOperator("=")) {
        parameter.preset = expressions_.ParseExpression();
      } else if (!macro.parameters.empty() && macro.parameters.back().preset != nullptr) {
        FailAt(line, "a parameter without a default stands behind one with a default");
      }
      macro.parameters.push_back(std::move(parameter));
    }
    stream_.ExpectOperator(")");
  }

  void ParseMacroBody(MacroDefinition& macro, std::string_view end) {
    const size_t caller = stream_.MentionsOf(ast_.caller);
    const size_t varargs = stream_.MentionsOf(ast_.varargs);
    const size_t kwargs = stream_.MentionsOf(ast_.kwargs);
    macro.body = ParseInner(end);
    const auto is_used = [&](Symbol symbol, size_t mentions_before) {
      const auto is_it = [symbol](const auto& parameter) { return parameter.symbol == symbol; };
      return stream_.MentionsOf(symbol) > mentions_before &&
             std::none_of(macro.parameters.begin(), macro.parameters.end(), is_it);
    };
    macro.uses_caller = is_used(ast_.caller, caller);
    macro.uses_varargs = is_used(ast_.varargs, varargs);
    macro.uses_kwargs = is_used(ast_.kwargs, kwargs);
  }

  StatementPtr ParseMacro(int line) {
    auto statement = std::make_unique<MacroStatement>(line);
    statement->macro.name = stream_.TakeAnyName("the name of a macro");
    statement->symbol = stream_.SymbolOf(statement->macro.name);
    ParseParameters(statement->macro);
    EndTag();
    ParseMacroBody(statement->macro, "endmacro");
    return statement;
  }

  StatementPtr ParseCallBlock(int line) {
    auto block = std::make_unique<CallBlockStatement>(line);
    block->caller.name = "caller";
    if (stream_.IsOperator("(")) ParseParameters(block->caller);
    block->call = expressions_.ParseExpression();
    if (block->call->kind != Expr::Kind::kCall) FailAt(line, "`call` needs a call behind it");
    EndTag();
    ParseMacroBody(block->caller, "endcall");
    return block;
  }

  StatementPtr ParseFilterBlock(int line) {
    auto block = std::make_unique<FilterBlockStatement>(line);
    block->filters = expressions_.ParseFilterSteps();
    EndTag();
    block->body = ParseInner("endfilter");
    return block;
  }

  StatementPtr ParseWith(int line) {
    auto with = std::make_unique<ScopeStatement>(line);
    while (!stream_.Is(TokenKind::kBlockEnd)) {
      if (!with->variables.empty()) stream_.ExpectOperator(",");
      Target target = expressions_.ParseTarget();
      RefuseAttributes(target);
      stream_.ExpectOperator("=");
      with->variables.emplace_back(std::move(target), expressions_.ParseExpression());
    }
    EndTag();
    with->body = ParseBody({"endwith"});
    stream_.Take();
    EndTag();
    return with;
  }

  StatementPtr ParseGeneration(int line) {
    auto scope = std::make_unique<ScopeStatement>(line);
    EndTag();
    scope->body = ParseInner("endgeneration");
    return scope;
  }

  StatementPtr ParseJump(int line, const std::string& tag) {
    if (loops_ == 0) FailAt(line, fmt::format("`{}` stands outside of a loop", tag));
    EndTag();
    return std::make_unique<JumpStatement>(
        tag == "break" ? Statement::Kind::kBreak : Statement::Kind::kContinue, line);
  }

  TokenStream stream_;
  ExpressionParser expressions_;
  Ast ast_;
  int loops_ = 0;  // that enclose this place
};

}  // namespace

Ast Parse(std::string_view source, const Limits& limits) { return Parser(source, limits).Run(); }

}  // namespace glimmer::chat::jinja
