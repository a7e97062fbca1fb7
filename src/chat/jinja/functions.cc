#include "chat/jinja/functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/interpreter.h"
#include "chat/jinja/value_ops.h"
#include "chat/jinja/value_text.h"

namespace glimmer::chat::jinja {
namespace {

// cycler(a, b): next() gives them in turn.
class Cycler : public Object {
 public:
  explicit Cycler(Value items) : items_(std::move(items)) {}
  std::string Shown() const override { return "<Cycler>"; }
  size_t depth() const override { return items_.depth() + 1; }
  std::optional<Value> Attribute(Heap&, std::string_view name) override {
    if (name == "current") return items_.list().items[at_];
    if (name == "pos") return Value(static_cast<int64_t>(at_));
    if (name != "next" && name != "reset") return std::nullopt;
    return Value(std::shared_ptr<Object>(std::make_shared<Function>(
        "cycler", Value(shared_from_this()), name == "next" ? &Next : &Reset)));
  }

 private:
  static Value Next(Interpreter&, const Value& self, const Arguments&) {
    auto& cycler = *self.ObjectAs<Cycler>();
    const auto& items = cycler.items_.list().items;
    const Value item = items[cycler.at_];
    cycler.at_ = (cycler.at_ + 1) % items.size();
    return item;
  }
  static Value Reset(Interpreter&, const Value& self, const Arguments&) {
    self.ObjectAs<Cycler>()->at_ = 0;
    return Value(None{});
  }

  const Value items_;  // a list, not empty
  size_t at_ = 0;
};

// joiner(", "): nothing the first time, the separator from then on.
class Joiner : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  std::string Shown() const override { return "<Joiner>"; }
  bool IsCallable() const override { return true; }
  size_t depth() const override { return separator_.depth() + 1; }
  Value Call(Interpreter& interpreter, const Arguments&) override {
    return std::exchange(is_used_, true) ? separator_ : MakeText(interpreter.heap(), "");
  }

 private:
  const Value separator_;
  bool is_used_ = false;
};

Value MakeRange(Interpreter& interpreter, const Value&, const Arguments& arguments) {
  const auto bound = Bind("range", arguments, {"start", "stop", "step"}, 1);
  int64_t start = 0;
  int64_t stop = IntegerArgument(*bound[0], "an argument of range");
  if (bound[1] != nullptr) {
    start = stop;
    stop = IntegerArgument(*bound[1], "an argument of range");
  }
  const int64_t step = bound[2] ? IntegerArgument(*bound[2], "an argument of range") : 1;
  if (step == 0) Fail("the step of range cannot be zero");
  std::vector<Value> items;
  const size_t limit = interpreter.heap().limits().max_range_items;
  for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (items.size() == limit) {
      FailExhausted(
          fmt::format("range has more than its limit of {} items", base::WithCommas(limit)));
    }
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  interpreter.heap().StepBytes(items.size() * sizeof(Value));
  return MakeList(interpreter.heap(), std::move(items), ListKind::kRange);
}

// The entries of a dict, or of a list of pairs.
std::vector<std::pair<Value, Value>> EntriesOf(Heap& heap, const Value& value) {
  if (value.IsDict()) return value.dict().entries();
  std::vector<std::pair<Value, Value>> entries;
  for (const Value& item : ItemsOf(heap, value)) {
    const std::vector<Value> pair = ItemsOf(heap, item);
    if (pair.size() != 2) Fail("a dict is made of pairs");
    entries.emplace_back(pair[0], pair[1]);
  }
  return entries;
}

Value MakeDict(Interpreter& interpreter, const Value&, const Arguments& arguments) {
  if (arguments.positional.size() > 1) Fail("dict takes at most one positional argument");
  Heap& heap = interpreter.heap();
  auto dict = std::make_shared<Dict>(heap);
  for (const Value& source : arguments.positional) {
    for (const auto& [key, value] : EntriesOf(heap, source)) dict->Set(key, value);
  }
  for (const auto& [name, value] : arguments.named) dict->Set(MakeText(heap, name), value);
  return Value(std::shared_ptr<const Dict>(std::move(dict)));
}

Value MakeNamespace(Interpreter& interpreter, const Value&, const Arguments& arguments) {
  if (arguments.positional.size() > 1) Fail("namespace takes at most one positional argument");
  Heap& heap = interpreter.heap();
  auto made = std::make_shared<Namespace>(heap);
  heap.Keep(made);
  for (const Value& source : arguments.positional) {
    for (const auto& [key, value] : EntriesOf(heap, source)) {
      made->Set(TextArgument(key, "a key of namespace"), value);
    }
  }
  for (const auto& [name, value] : arguments.named) made->Set(name, value);
  return Value(std::shared_ptr<Object>(std::move(made)));
}

Value MakeCycler(Interpreter& interpreter, const Value&, const Arguments& arguments) {
  if (arguments.positional.empty()) Fail("cycler needs at least one item");
  return Value(std::shared_ptr<Object>(
      std::make_shared<Cycler>(MakeList(interpreter.heap(), arguments.positional))));
}

Value MakeJoiner(Interpreter& interpreter, const Value&, const Arguments& arguments) {
  const auto bound = Bind("joiner", arguments, {"sep"});
  return Value(std::shared_ptr<Object>(
      std::make_shared<Joiner>(bound[0] ? *bound[0] : MakeText(interpreter.heap(), ", "))));
}

Value RaiseException(Interpreter& interpreter, const Value&, const Arguments& arguments) {
  const auto bound = Bind("raise_exception", arguments, {"message"}, 1);
  Fail("the template refuses this input: " + ToText(interpreter.heap(), *bound[0]));
}

Value StrftimeNow(Interpreter& interpreter, const Value&, const Arguments& arguments) {
  constexpr size_t kMostBytes = 4096;
  const auto bound = Bind("strftime_now", arguments, {"format"}, 1);
  const std::string& format = TextArgument(*bound[0], "the format of strftime_now");
  if (format.empty()) return MakeText(interpreter.heap(), "");
  const std::time_t now = interpreter.now();
  std::tm local{};
  localtime_r(&now, &local);
  // A closing character tells an empty result from one that does not fit.
  std::string text(kMostBytes, '\0');
  const size_t written = std::strftime(text.data(), text.size(), (format + ".").c_str(), &local);
  if (written == 0) Fail("the format of strftime_now gives too long a text");
  text.resize(written - 1);
  return MakeText(interpreter.heap(), std::move(text));
}

struct NamedFunction {
  std::string_view name;
  Function::Body body;
};

constexpr std::array kFunctions = {
    NamedFunction{"range", &MakeRange},          NamedFunction{"dict", &MakeDict},
    NamedFunction{"namespace", &MakeNamespace},  NamedFunction{"cycler", &MakeCycler},
    NamedFunction{"joiner", &MakeJoiner},        NamedFunction{"raise_exception", &RaiseException},
    NamedFunction{"strftime_now", &StrftimeNow},
};

}  // namespace

std::optional<Value> FindFunction(std::string_view name) {
  for (const NamedFunction& function : kFunctions) {
    if (function.name != name) continue;
    return Value(std::shared_ptr<Object>(
        std::make_shared<Function>(std::string(name), Value(None{}), function.body)));
  }
  return std::nullopt;
}

}  // namespace glimmer::chat::jinja
