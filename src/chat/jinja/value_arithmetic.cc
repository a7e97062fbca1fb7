// The arithmetic operators and slices of value_ops.h.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "chat/jinja/failure.h"
#include "chat/jinja/printf.h"
#include "chat/jinja/value_ops.h"
#include "chat/jinja/value_text.h"
#include "unicode/utf8.h"

namespace glimmer::chat::jinja {
namespace {

std::string_view SignOf(BinaryOperator op) {
  static constexpr std::string_view kSigns[] = {"+", "-", "*", "/", "//", "%", "**"};
  return kSigns[static_cast<size_t>(op)];
}

[[noreturn]] void FailOverflow() { Fail("the result does not fit into a 64-bit integer"); }

int64_t IntegerPower(int64_t base, int64_t exponent) {
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) FailOverflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) FailOverflow();
  }
  return result;
}

int64_t FloorDivide(int64_t a, int64_t b) {
  if (a == INT64_MIN && b == -1) FailOverflow();
  const int64_t quotient = a / b;
  return a % b != 0 && (a % b < 0) != (b < 0) ? quotient - 1 : quotient;
}

int64_t Modulo(int64_t a, int64_t b) {
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

double FloatModulo(double a, double b) {
  const double rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(0.0, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

double FloatPower(double a, double b) {
  if (a == 0 && b < 0) Fail("zero cannot be raised to a negative power");
  if (a < 0 && b != std::trunc(b)) Fail("a negative number has no real power of that exponent");
  const double result = std::pow(a, b);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) {
    Fail("the result of ** is too large");
  }
  return result;
}

Value CombineIntegers(BinaryOperator op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case BinaryOperator::kAdd:
      if (__builtin_add_overflow(a, b, &result)) FailOverflow();
      return Value(result);
    case BinaryOperator::kSubtract:
      if (__builtin_sub_overflow(a, b, &result)) FailOverflow();
      return Value(result);
    case BinaryOperator::kMultiply:
      if (__builtin_mul_overflow(a, b, &result)) FailOverflow();
      return Value(result);
    case BinaryOperator::kDivide:
      return Value(static_cast<double>(static_cast<long double>(a) / b));
    case BinaryOperator::kFloorDivide:
      return Value(FloorDivide(a, b));
    case BinaryOperator::kModulo:
      return Value(Modulo(a, b));
    case BinaryOperator::kPower:
      break;
  }
  if (b >= 0) return Value(IntegerPower(a, b));
  return Value(FloatPower(static_cast<double>(a), static_cast<double>(b)));
}

Value CombineFloats(BinaryOperator op, double a, double b) {
  switch (op) {
    case BinaryOperator::kAdd:
      return Value(a + b);
    case BinaryOperator::kSubtract:
      return Value(a - b);
    case BinaryOperator::kMultiply:
      return Value(a * b);
    case BinaryOperator::kDivide:
      return Value(a / b);
    case BinaryOperator::kFloorDivide:
      return Value(std::floor((a - FloatModulo(a, b)) / b + 0.5));
    case BinaryOperator::kModulo:
      return Value(FloatModulo(a, b));
    case BinaryOperator::kPower:
      return Value(FloatPower(a, b));
  }
  return Value();
}

bool IsDivision(BinaryOperator op) {
  return op == BinaryOperator::kDivide || op == BinaryOperator::kFloorDivide ||
         op == BinaryOperator::kModulo;
}

bool IsSequence(const Value& value) {
  return value.IsText() || value.IsList(ListKind::kList) || value.IsList(ListKind::kTuple);
}

Value Repeated(Heap& heap, const Value& sequence, int64_t times) {
  const size_t count = static_cast<size_t>(std::max<int64_t>(times, 0));
  const size_t length = sequence.IsText() ? sequence.bytes().size() : sequence.list().items.size();
  size_t total = 0;
  if (__builtin_mul_overflow(length, count, &total)) total = SIZE_MAX / sizeof(Value) - 1;
  if (sequence.IsText()) {
    heap.CheckFits(total);
    std::string text;
    text.reserve(total);
    for (size_t i = 0; i < count && length > 0; ++i) text += sequence.bytes();
    return MakeText(heap, std::move(text));
  }
  heap.CheckFits(std::min(total, SIZE_MAX / sizeof(Value) - 1) * sizeof(Value));
  std::vector<Value> items;
  items.reserve(total);
  for (size_t i = 0; i < count && length > 0; ++i) {
    const auto& more = sequence.list().items;
    items.insert(items.end(), more.begin(), more.end());
  }
  return MakeList(heap, std::move(items), sequence.list().kind);
}

// Text that is joined with markup is escaped first.
std::string AsMarkup(const Value& value) {
  return value.text().is_markup ? value.bytes() : EscapedHtml(value.bytes());
}

Value Joined(Heap& heap, const Value& a, const Value& b) {
  if (a.IsText()) {
    if (a.text().is_markup || b.text().is_markup) {
      return MakeMarkup(heap, AsMarkup(a) + AsMarkup(b));
    }
    heap.CheckFits(a.bytes().size() + b.bytes().size());
    return MakeText(heap, a.bytes() + b.bytes());
  }
  heap.CheckFits((a.list().items.size() + b.list().items.size()) * sizeof(Value));
  std::vector<Value> items;
  items.reserve(a.list().items.size() + b.list().items.size());
  items.insert(items.end(), a.list().items.begin(), a.list().items.end());
  items.insert(items.end(), b.list().items.begin(), b.list().items.end());
  return MakeList(heap, std::move(items), a.list().kind);
}

bool CanJoin(const Value& a, const Value& b) {
  if (a.IsText()) return b.IsText();
  return (a.IsList(ListKind::kList) && b.IsList(ListKind::kList)) ||
         (a.IsList(ListKind::kTuple) && b.IsList(ListKind::kTuple));
}

struct Range {
  int64_t start;
  int64_t stop;
  int64_t step;
};

bool IsAbsent(const Value& bound) { return bound.IsNone() || bound.IsUndefined(); }

int64_t ClampedBound(const Value& bound, int64_t length, int64_t least, int64_t most) {
  int64_t at = IntegerArgument(bound, "a bound of a slice");
  if (at < 0) at = at < -length ? -1 : at + length;
  return std::clamp(at, least, most);
}

Range ResolvedRange(const SliceBounds& bounds, int64_t length) {
  const int64_t step =
      IsAbsent(bounds.step) ? 1 : IntegerArgument(bounds.step, "the step of a slice");
  if (step == 0) Fail("the step of a slice cannot be zero");
  const int64_t least = step > 0 ? 0 : -1;
  const int64_t most = step > 0 ? length : length - 1;
  const int64_t start = IsAbsent(bounds.start) ? (step > 0 ? 0 : length - 1)
                                               : ClampedBound(bounds.start, length, least, most);
  const int64_t stop = IsAbsent(bounds.stop) ? (step > 0 ? length : -1)
                                             : ClampedBound(bounds.stop, length, least, most);
  return {start, stop, step};
}

std::vector<size_t> IndicesOf(const Range& range) {
  std::vector<size_t> indices;
  const auto is_inside = [&range](int64_t i) {
    return range.step > 0 ? i < range.stop : i > range.stop;
  };
  for (int64_t i = range.start; is_inside(i);) {
    indices.push_back(static_cast<size_t>(i));
    if (__builtin_add_overflow(i, range.step, &i)) break;
  }
  return indices;
}

std::string SlicedText(const Text& text, const Range& range) {
  const std::string& bytes = text.bytes;
  if (range.step == 1) {
    if (range.start >= range.stop) return "";
    const auto start = static_cast<size_t>(range.start);
    const auto count = static_cast<size_t>(range.stop - range.start);
    if (text.is_ascii) return bytes.substr(start, count);
    const size_t first = unicode::OffsetOfPoint(bytes, start);
    const std::string_view rest = std::string_view(bytes).substr(first);
    return std::string(rest.substr(0, unicode::OffsetOfPoint(rest, count)));
  }
  std::u32string points;
  for (size_t at = 0; at < bytes.size();)
    points += static_cast<char32_t>(unicode::NextPoint(bytes, at));
  std::string sliced;
  for (const size_t index : IndicesOf(range)) unicode::AppendUtf8(points[index], sliced);
  return sliced;
}

}  // namespace

Value Combine(Heap& heap, BinaryOperator op, const Value& a, const Value& b) {
  if (op == BinaryOperator::kModulo && a.IsText()) return PrintfFormatted(heap, a.bytes(), b);
  RequireDefined(a);
  RequireDefined(b);
  if (a.IsNumber() && b.IsNumber()) {
    if (IsDivision(op) && b.number() == 0) Fail("division by zero");
    if (a.IsInteger() && b.IsInteger()) return CombineIntegers(op, a.integer(), b.integer());
    return CombineFloats(op, a.number(), b.number());
  }
  if (op == BinaryOperator::kMultiply && IsSequence(a) && b.IsInteger()) {
    return Repeated(heap, a, b.integer());
  }
  if (op == BinaryOperator::kMultiply && IsSequence(b) && a.IsInteger()) {
    return Repeated(heap, b, a.integer());
  }
  if (op == BinaryOperator::kAdd && CanJoin(a, b)) return Joined(heap, a, b);
  Fail(fmt::format("`{}` cannot combine a {} and a {}", SignOf(op), TypeName(a), TypeName(b)));
}

Value Negated(const Value& value) {
  RequireDefined(value);
  if (value.kind() == Kind::kFloat) return Value(-value.number());
  if (!value.IsInteger()) Fail(fmt::format("a {} cannot be negated", TypeName(value)));
  if (value.integer() == INT64_MIN) FailOverflow();
  return Value(-value.integer());
}

Value Positive(const Value& value) {
  RequireDefined(value);
  if (value.kind() == Kind::kFloat) return value;
  if (!value.IsInteger()) Fail(fmt::format("`+` needs a number, not a {}", TypeName(value)));
  return Value(value.integer());
}

Value Slice(Heap& heap, const Value& value, const SliceBounds& bounds) {
  RequireDefined(value);
  if (value.IsText()) {
    heap.StepBytes(value.bytes().size());
    if (!IsAbsent(bounds.step)) heap.CheckFits(4 * value.bytes().size());
    const auto length = static_cast<int64_t>(LengthOf(heap, value));
    return MakeText(heap, SlicedText(value.text(), ResolvedRange(bounds, length)));
  }
  const bool is_list = value.IsList(ListKind::kList) || value.IsList(ListKind::kTuple) ||
                       value.IsList(ListKind::kRange) || value.IsList(ListKind::kGroup);
  if (!is_list) Fail(fmt::format("a {} cannot be sliced", TypeName(value)));
  const auto& items = value.list().items;
  std::vector<Value> sliced;
  for (const size_t index : IndicesOf(ResolvedRange(bounds, static_cast<int64_t>(items.size())))) {
    sliced.push_back(items[index]);
  }
  heap.StepBytes(sliced.size() * sizeof(Value));
  return MakeList(heap, std::move(sliced), value.list().kind);
}

}  // namespace glimmer::chat::jinja
