#include "chat/jinja/value_ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "chat/jinja/failure.h"
#include "chat/jinja/methods.h"
#include "chat/jinja/text_search.h"
#include "chat/jinja/value_text.h"
#include "unicode/utf8.h"

namespace glimmer::chat::jinja {
namespace {

bool AreItemsEqual(Heap& heap, const std::vector<Value>& a, const std::vector<Value>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!IsEqual(heap, a[i], b[i])) return false;
  }
  return true;
}

bool AreDictsEqual(Heap& heap, const Dict& a, const Dict& b) {
  if (a.entries().size() != b.entries().size()) return false;
  for (const auto& [key, value] : a.entries()) {
    const Value* other = b.Find(key);
    if (other == nullptr || !IsEqual(heap, value, *other)) return false;
  }
  return true;
}

bool IsTuple(const List& list) {
  return list.kind == ListKind::kTuple || list.kind == ListKind::kGroup;
}

bool AreListsEqual(Heap& heap, const List& a, const List& b) {
  if (&a == &b) return true;
  const bool is_same_kind = a.kind == b.kind || (IsTuple(a) && IsTuple(b));
  if (!is_same_kind || a.kind == ListKind::kGenerator || a.kind == ListKind::kValues) return false;
  return AreItemsEqual(heap, a.items, b.items);
}

bool IsIntegerEqualToFloat(int64_t integer, double number) {
  if (!(std::abs(number) < 0x1p63)) return false;
  return number == std::trunc(number) && static_cast<int64_t>(number) == integer;
}

bool AreNumbersEqual(const Value& a, const Value& b) {
  if (a.IsInteger() && b.IsInteger()) return a.integer() == b.integer();
  if (a.IsInteger()) return IsIntegerEqualToFloat(a.integer(), b.number());
  if (b.IsInteger()) return IsIntegerEqualToFloat(b.integer(), a.number());
  return a.number() == b.number();
}

[[noreturn]] void FailOrder(const Value& a, const Value& b) {
  RequireDefined(a);
  RequireDefined(b);
  Fail(fmt::format("a {} and a {} cannot be ordered", TypeName(a), TypeName(b)));
}

bool IsNumberLess(const Value& a, const Value& b) {
  if (a.IsInteger() && b.IsInteger()) return a.integer() < b.integer();
  const auto x = static_cast<long double>(a.IsInteger() ? 0 : a.number());
  const auto y = static_cast<long double>(b.IsInteger() ? 0 : b.number());
  // long double holds every int64_t exactly.
  return (a.IsInteger() ? static_cast<long double>(a.integer()) : x) <
         (b.IsInteger() ? static_cast<long double>(b.integer()) : y);
}

bool IsListLess(Heap& heap, const Value& a, const Value& b) {
  const bool are_lists = a.IsList(ListKind::kList) && b.IsList(ListKind::kList);
  if (!are_lists && !(IsTuple(a.list()) && IsTuple(b.list()))) FailOrder(a, b);
  const auto& x = a.list().items;
  const auto& y = b.list().items;
  for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    if (!IsEqual(heap, x[i], y[i])) return IsLess(heap, x[i], y[i]);
  }
  return x.size() < y.size();
}

std::vector<Value> PointsOf(Heap& heap, const std::string& text) {
  std::vector<Value> points;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    unicode::NextPoint(text, at);
    heap.Step();
    points.push_back(MakeText(heap, text.substr(start, at - start)));
  }
  return points;
}

}  // namespace

std::string UndefinedReason(const Value& value) {
  const auto& reason = value.undefined().reason;
  return reason == nullptr ? "an undefined value is used" : *reason;
}

void RequireDefined(const Value& value) {
  if (value.IsUndefined()) Fail(UndefinedReason(value));
}

bool IsTrue(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
      return value.boolean();
    case Kind::kInt:
      return value.integer() != 0;
    case Kind::kFloat:
      return value.number() != 0;
    case Kind::kText:
      return !value.bytes().empty();
    case Kind::kList:
      return value.IsList(ListKind::kGenerator) || !value.list().items.empty();
    case Kind::kDict:
      return !value.dict().entries().empty();
    case Kind::kObject:
      return true;
  }
  return false;
}

bool IsEqual(Heap& heap, const Value& a, const Value& b) {
  heap.Step();
  if (a.IsNumber() && b.IsNumber()) return AreNumbersEqual(a, b);
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kText:
      if (a.bytes().size() != b.bytes().size()) return false;
      heap.StepBytes(a.bytes().size());
      return a.bytes() == b.bytes();
    case Kind::kList:
      return AreListsEqual(heap, a.list(), b.list());
    case Kind::kDict:
      return &a.dict() == &b.dict() || AreDictsEqual(heap, a.dict(), b.dict());
    default:
      return a.IsSame(b);
  }
}

bool IsLess(Heap& heap, const Value& a, const Value& b) {
  heap.Step();
  if (a.IsNumber() && b.IsNumber()) return IsNumberLess(a, b);
  if (a.IsText() && b.IsText()) {
    heap.StepBytes(std::min(a.bytes().size(), b.bytes().size()));
    return a.bytes() < b.bytes();  // UTF-8 sorts as code points do
  }
  if (a.IsList() && b.IsList()) return IsListLess(heap, a, b);
  FailOrder(a, b);
}

bool Compares(Heap& heap, Comparison comparison, const Value& a, const Value& b) {
  switch (comparison) {
    case Comparison::kEqual:
      return IsEqual(heap, a, b);
    case Comparison::kNotEqual:
      return !IsEqual(heap, a, b);
    case Comparison::kLess:
      return IsLess(heap, a, b);
    case Comparison::kGreater:
      return IsLess(heap, b, a);
    case Comparison::kLessEqual:
      return IsLess(heap, a, b) || IsEqual(heap, a, b);
    case Comparison::kGreaterEqual:
      return IsLess(heap, b, a) || IsEqual(heap, a, b);
  }
  return false;
}

bool IsIn(Heap& heap, const Value& item, const Value& container) {
  if (container.IsText()) {
    if (!item.IsText()) {
      RequireDefined(item);
      Fail(fmt::format("only a str can be looked for in a str, not a {}", TypeName(item)));
    }
    heap.StepBytes(4 * container.bytes().size());  // searching is slower than copying
    return FindText(container.bytes(), item.bytes()) != std::string::npos;
  }
  if (container.IsDict()) return container.dict().Find(item) != nullptr;
  if (!IsIterable(container)) {
    Fail(fmt::format("`in` cannot look into a {}", TypeName(container)));
  }
  if (container.IsUndefined()) return false;
  const auto is_it = [&](const Value& candidate) { return IsEqual(heap, candidate, item); };
  if (container.IsList() && !container.IsList(ListKind::kGenerator)) {
    const auto& items = container.list().items;
    return std::any_of(items.begin(), items.end(), is_it);
  }
  const auto items = ItemsOf(heap, container);
  return std::any_of(items.begin(), items.end(), is_it);
}

size_t LengthOf(Heap& heap, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return 0;
    case Kind::kText:
      if (value.text().is_ascii) return value.bytes().size();
      heap.StepBytes(value.bytes().size());
      return unicode::CountPoints(value.bytes());
    case Kind::kDict:
      return value.dict().entries().size();
    case Kind::kList:
      if (!value.IsList(ListKind::kGenerator)) return value.list().items.size();
      break;
    default:
      break;
  }
  Fail(fmt::format("a {} has no length", TypeName(value)));
}

bool IsIterable(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kText:
    case Kind::kList:
    case Kind::kDict:
      return true;
    default:
      return false;
  }
}

std::vector<Value> ItemsOf(Heap& heap, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return {};
    case Kind::kText:
      return PointsOf(heap, value.bytes());
    case Kind::kList: {
      List& list = value.list();
      heap.StepBytes(list.items.size() * sizeof(Value));
      if (list.kind != ListKind::kGenerator) return list.items;
      const size_t consumed = std::exchange(list.consumed, list.items.size());
      return {list.items.begin() + static_cast<ptrdiff_t>(consumed), list.items.end()};
    }
    case Kind::kDict: {
      std::vector<Value> keys;
      for (const auto& [key, item] : value.dict().entries()) keys.push_back(key);
      heap.StepBytes(keys.size() * sizeof(Value));
      return keys;
    }
    default:
      Fail(fmt::format("a {} cannot be walked over", TypeName(value)));
  }
}

Value AttributeOf(Heap& heap, const Value& value, std::string_view name) {
  RequireDefined(value);
  if (value.kind() == Kind::kObject) {
    auto attribute = value.object().Attribute(heap, name);
    return attribute ? std::move(*attribute) : MakeMissing(value, name);
  }
  if (auto method = MethodOf(value, name)) return std::move(*method);
  if (IsRefusedMethod(value, name)) {
    return MakeUndefined(fmt::format("dict.{} is not allowed: templates cannot change data", name));
  }
  if (value.IsList(ListKind::kGroup) && name == "grouper") return value.list().items[0];
  if (value.IsList(ListKind::kGroup) && name == "list") return value.list().items[1];
  if (value.IsDict()) {
    if (const Value* item = value.dict().Find(name)) return *item;
  }
  return MakeMissing(value, name);
}

Value ItemOf(Heap& heap, const Value& value, const Value& key) {
  RequireDefined(value);
  if (value.IsDict()) {
    if (const Value* item = value.dict().Find(key)) return *item;
  }
  const bool is_sequence = value.IsText() || value.IsList(ListKind::kList) ||
                           value.IsList(ListKind::kTuple) || value.IsList(ListKind::kGroup) ||
                           value.IsList(ListKind::kRange);
  if (is_sequence && key.IsInteger()) {
    const auto length = static_cast<int64_t>(LengthOf(heap, value));
    const int64_t index = key.integer() < 0 ? key.integer() + length : key.integer();
    if (index < 0 || index >= length) {
      return MakeUndefined(
          fmt::format("a {} of {} items has no item {}", TypeName(value), length, key.integer()));
    }
    if (!value.IsText()) return value.list().items[static_cast<size_t>(index)];
    return Slice(heap, value, {Value(index), Value(index + 1), Value(None{})});
  }
  if (key.IsText()) {
    return value.IsDict() && !MethodOf(value, key.bytes()) ? MakeMissing(value, key.bytes())
                                                           : AttributeOf(heap, value, key.bytes());
  }
  return MakeUndefined(fmt::format("{} has no item {}", TypeName(value), ToRepr(heap, key)));
}

int64_t IntegerArgument(const Value& value, std::string_view what) {
  RequireDefined(value);
  if (!value.IsInteger()) Fail(fmt::format("{} must be an int, not a {}", what, TypeName(value)));
  return value.integer();
}

const std::string& TextArgument(const Value& value, std::string_view what) {
  RequireDefined(value);
  if (!value.IsText()) Fail(fmt::format("{} must be a str, not a {}", what, TypeName(value)));
  return value.bytes();
}

}  // namespace glimmer::chat::jinja
