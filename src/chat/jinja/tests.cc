#include "chat/jinja/tests.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "chat/jinja/failure.h"
#include "chat/jinja/filters.h"
#include "chat/jinja/named.h"
#include "chat/jinja/value_ops.h"
#include "chat/jinja/value_text.h"
#include "unicode/python_str.h"
#include "unicode/utf8.h"

namespace glimmer::chat::jinja {
namespace {

void RequireNone(const Arguments& arguments) { Bind("a test of this kind", arguments, {}); }

const Value& Other(const Arguments& arguments) {
  return *Bind("the test", arguments, {"other"}, 1)[0];
}

bool IsDefined(Interpreter&, const Value& value, const Arguments& arguments) {
  RequireNone(arguments);
  return !value.IsUndefined();
}
bool IsUndefined(Interpreter&, const Value& value, const Arguments& arguments) {
  RequireNone(arguments);
  return value.IsUndefined();
}
bool IsNone(Interpreter&, const Value& value, const Arguments&) { return value.IsNone(); }
bool IsBoolean(Interpreter&, const Value& value, const Arguments&) {
  return value.kind() == Kind::kBool;
}
bool IsTrueTest(Interpreter&, const Value& value, const Arguments&) {
  return value.kind() == Kind::kBool && value.boolean();
}
bool IsFalseTest(Interpreter&, const Value& value, const Arguments&) {
  return value.kind() == Kind::kBool && !value.boolean();
}
bool IsInteger(Interpreter&, const Value& value, const Arguments&) {
  return value.kind() == Kind::kInt;
}
bool IsFloat(Interpreter&, const Value& value, const Arguments&) {
  return value.kind() == Kind::kFloat;
}
bool IsNumber(Interpreter&, const Value& value, const Arguments&) { return value.IsNumber(); }
bool IsString(Interpreter&, const Value& value, const Arguments&) { return value.IsText(); }
bool IsMapping(Interpreter&, const Value& value, const Arguments&) { return value.IsDict(); }
bool IsIterableTest(Interpreter&, const Value& value, const Arguments&) {
  return IsIterable(value);
}
bool IsSequence(Interpreter&, const Value& value, const Arguments&) {
  if (value.IsUndefined() || value.IsText() || value.IsDict()) return true;
  if (!value.IsList()) return false;
  const ListKind kind = value.list().kind;
  return kind == ListKind::kList || kind == ListKind::kTuple || kind == ListKind::kGroup ||
         kind == ListKind::kRange;
}
bool IsCallable(Interpreter&, const Value& value, const Arguments&) {
  // jinja2's Undefined has a __call__ (that raises).
  return value.IsUndefined() || (value.kind() == Kind::kObject && value.object().IsCallable());
}
bool IsSameAs(Interpreter&, const Value& value, const Arguments& arguments) {
  return value.IsSame(Other(arguments));
}
bool IsEscaped(Interpreter&, const Value& value, const Arguments&) {
  return value.IsText() && value.text().is_markup;
}

// str.islower and str.isupper: all cased characters, and at least one.
bool HasOnlyCase(const std::string& text, bool (*is_case)(uint32_t), bool (*is_other)(uint32_t)) {
  bool has_case = false;
  for (size_t at = 0; at < text.size();) {
    const uint32_t point = unicode::NextPoint(text, at);
    if (is_other(point)) return false;
    has_case = has_case || is_case(point);
  }
  return has_case;
}
bool IsLower(Interpreter& interpreter, const Value& value, const Arguments&) {
  return HasOnlyCase(ToText(interpreter.heap(), value), &unicode::IsLowercase,
                     &unicode::IsUppercase);
}
bool IsUpper(Interpreter& interpreter, const Value& value, const Arguments&) {
  return HasOnlyCase(ToText(interpreter.heap(), value), &unicode::IsUppercase,
                     &unicode::IsLowercase);
}

bool IsRest(Interpreter& interpreter, const Value& value, int64_t divisor, int64_t rest) {
  const Value found = Combine(interpreter.heap(), BinaryOperator::kModulo, value, Value(divisor));
  return IsEqual(interpreter.heap(), found, Value(rest));
}
bool IsOdd(Interpreter& interpreter, const Value& value, const Arguments&) {
  return IsRest(interpreter, value, 2, 1);
}
bool IsEven(Interpreter& interpreter, const Value& value, const Arguments&) {
  return IsRest(interpreter, value, 2, 0);
}
bool IsDivisibleBy(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  const Value& divisor = *Bind("divisibleby", arguments, {"num"}, 1)[0];
  const Value rest = Combine(interpreter.heap(), BinaryOperator::kModulo, value, divisor);
  return IsEqual(interpreter.heap(), rest, Value(int64_t{0}));
}

template <Comparison kComparison>
bool IsCompared(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  return Compares(interpreter.heap(), kComparison, value, Other(arguments));
}

bool IsInTest(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  return IsIn(interpreter.heap(), value, *Bind("in", arguments, {"seq"}, 1)[0]);
}
bool IsFilter(Interpreter&, const Value& value, const Arguments&) {
  return FindFilter(TextArgument(value, "the name of a filter")) != nullptr;
}
bool IsTest(Interpreter&, const Value& value, const Arguments&) {
  return FindTest(TextArgument(value, "the name of a test")) != nullptr;
}

using NamedTest = Named<TestBody>;

constexpr std::array kTests = {
    NamedTest{"defined", &IsDefined},
    NamedTest{"undefined", &IsUndefined},
    NamedTest{"none", &IsNone},
    NamedTest{"boolean", &IsBoolean},
    NamedTest{"true", &IsTrueTest},
    NamedTest{"false", &IsFalseTest},
    NamedTest{"integer", &IsInteger},
    NamedTest{"float", &IsFloat},
    NamedTest{"number", &IsNumber},
    NamedTest{"string", &IsString},
    NamedTest{"mapping", &IsMapping},
    NamedTest{"iterable", &IsIterableTest},
    NamedTest{"sequence", &IsSequence},
    NamedTest{"callable", &IsCallable},
    NamedTest{"sameas", &IsSameAs},
    NamedTest{"escaped", &IsEscaped},
    NamedTest{"lower", &IsLower},
    NamedTest{"upper", &IsUpper},
    NamedTest{"odd", &IsOdd},
    NamedTest{"even", &IsEven},
    NamedTest{"divisibleby", &IsDivisibleBy},
    NamedTest{"in", &IsInTest},
    NamedTest{"filter", &IsFilter},
    NamedTest{"test", &IsTest},
    NamedTest{"eq", &IsCompared<Comparison::kEqual>},
    NamedTest{"equalto", &IsCompared<Comparison::kEqual>},
    NamedTest{"==", &IsCompared<Comparison::kEqual>},
    NamedTest{"ne", &IsCompared<Comparison::kNotEqual>},
    NamedTest{"!=", &IsCompared<Comparison::kNotEqual>},
    NamedTest{"lt", &IsCompared<Comparison::kLess>},
    NamedTest{"lessthan", &IsCompared<Comparison::kLess>},
    NamedTest{"<", &IsCompared<Comparison::kLess>},
    NamedTest{"le", &IsCompared<Comparison::kLessEqual>},
    NamedTest{"<=", &IsCompared<Comparison::kLessEqual>},
    NamedTest{"gt", &IsCompared<Comparison::kGreater>},
    NamedTest{"greaterthan", &IsCompared<Comparison::kGreater>},
    NamedTest{">", &IsCompared<Comparison::kGreater>},
    NamedTest{"ge", &IsCompared<Comparison::kGreaterEqual>},
    NamedTest{">=", &IsCompared<Comparison::kGreaterEqual>},
};

}  // namespace

TestBody FindTest(std::string_view name) { return BodyOf(kTests, name); }

}  // namespace glimmer::chat::jinja
