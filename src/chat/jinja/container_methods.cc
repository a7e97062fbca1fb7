// The methods of list, tuple and dict.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "chat/jinja/failure.h"
#include "chat/jinja/interpreter.h"
#include "chat/jinja/methods.h"
#include "chat/jinja/value_ops.h"
#include "chat/jinja/value_text.h"

namespace glimmer::chat::jinja {
namespace {

Value Keys(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  Bind("dict.keys", arguments, {});
  return MakeList(interpreter.heap(), ItemsOf(interpreter.heap(), self), ListKind::kKeys);
}

Value Values(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  Bind("dict.values", arguments, {});
  std::vector<Value> values;
  for (const auto& [key, value] : self.dict().entries()) values.push_back(value);
  return MakeList(interpreter.heap(), std::move(values), ListKind::kValues);
}

Value Items(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  Bind("dict.items", arguments, {});
  Heap& heap = interpreter.heap();
  std::vector<Value> items;
  for (const auto& [key, value] : self.dict().entries()) {
    items.push_back(MakeList(heap, {key, value}, ListKind::kTuple));
  }
  return MakeList(heap, std::move(items), ListKind::kItems);
}

Value Get(Interpreter&, const Value& self, const Arguments& arguments) {
  if (!arguments.named.empty()) Fail("dict.get takes no named arguments");
  const auto bound = Bind("dict.get", arguments, {"key", "default"}, 1);
  if (const Value* found = self.dict().Find(*bound[0])) return *found;
  return bound[1] ? *bound[1] : Value(None{});
}

Value Copy(Interpreter&, const Value& self, const Arguments& arguments) {
  Bind("copy", arguments, {});
  return self;
}

Value Count(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const auto bound = Bind("count", arguments, {"value"}, 1);
  const auto& items = self.list().items;
  return Value(
      static_cast<int64_t>(std::count_if(items.begin(), items.end(), [&](const Value& item) {
        return IsEqual(interpreter.heap(), item, *bound[0]);
      })));
}

Value Index(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const auto bound = Bind("index", arguments, {"value"}, 1);
  const auto& items = self.list().items;
  for (size_t i = 0; i < items.size(); ++i) {
    if (IsEqual(interpreter.heap(), items[i], *bound[0])) return Value(static_cast<int64_t>(i));
  }
  Fail(fmt::format("{} is not in the list", ToRepr(interpreter.heap(), *bound[0])));
}

constexpr std::array kDictMethods = {
    NamedMethod{"keys", &Keys}, NamedMethod{"values", &Values}, NamedMethod{"items", &Items},
    NamedMethod{"get", &Get},   NamedMethod{"copy", &Copy},
};
constexpr std::array kListMethods = {
    NamedMethod{"count", &Count},
    NamedMethod{"index", &Index},
    NamedMethod{"copy", &Copy},
};
// They exist in Python, so that they hide a dict's keys of the same name behind `.name`, but the
// sandbox hands them out as undefined.
constexpr std::array<std::string_view, 6> kUnsafeDictMethods = {"clear",      "pop",    "popitem",
                                                                "setdefault", "update", "fromkeys"};

}  // namespace

bool IsRefusedMethod(const Value& self, std::string_view name) {
  const auto* end = kUnsafeDictMethods.end();
  return self.IsDict() && std::find(kUnsafeDictMethods.begin(), end, name) != end;
}

Function::Body FindContainerMethod(const Value& self, std::string_view name) {
  if (self.IsDict()) return BodyOf(kDictMethods, name);
  const bool has_methods = self.IsList(ListKind::kList) || self.IsList(ListKind::kTuple) ||
                           self.IsList(ListKind::kGroup) || self.IsList(ListKind::kRange);
  const bool is_missing = !has_methods || (name == "copy" && !self.IsList(ListKind::kList));
  return is_missing ? nullptr : BodyOf(kListMethods, name);
}

}  // namespace glimmer::chat::jinja
