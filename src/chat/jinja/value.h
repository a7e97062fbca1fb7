// The values a template works with: Python's none, bool, int (64 bits), float, str, list, tuple,
// dict, jinja2's Undefined, and objects (macros, methods, namespaces, loops).
// Values are immutable and shared, except namespaces. Not thread-safe: one rendering, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "chat/jinja/heap.h"

namespace glimmer::chat::jinja {

class Value;
class Interpreter;
struct Arguments;

struct None {};

// A name that means nothing; `reason` is the sentence that using it prints.
struct Undefined {
  std::shared_ptr<const std::string> reason;
};

enum class ListKind {
  kList,
  kTuple,
  kGroup,  // the tuple (grouper, list) of groupby
  kRange,
  kKeys,
  kValues,
  kItems,
  kGenerator,  // what lazy filters give: can be walked once, has no length
};

struct Text;
struct List;
class Dict;
class Object;

enum class Kind { kUndefined, kNone, kBool, kInt, kFloat, kText, kList, kDict, kObject };

class Value {
 public:
  Value() : state_(Undefined{}) {}
  explicit Value(Undefined undefined) : state_(std::move(undefined)) {}
  explicit Value(None) : state_(None{}) {}
  explicit Value(bool truth) : state_(truth) {}
  explicit Value(int64_t number) : state_(number) {}
  explicit Value(double number) : state_(number) {}
  explicit Value(std::shared_ptr<const Text> text) : state_(std::move(text)) {}
  explicit Value(std::shared_ptr<List> list) : state_(std::move(list)) {}
  explicit Value(std::shared_ptr<const Dict> dict) : state_(std::move(dict)) {}
  explicit Value(std::shared_ptr<Object> object) : state_(std::move(object)) {}

  Kind kind() const { return static_cast<Kind>(state_.index()); }
  bool IsUndefined() const { return kind() == Kind::kUndefined; }
  bool IsNone() const { return kind() == Kind::kNone; }
  bool IsText() const { return kind() == Kind::kText; }
  bool IsList() const { return kind() == Kind::kList; }
  bool IsList(ListKind list_kind) const;
  bool IsDict() const { return kind() == Kind::kDict; }
  // Bool or int: Python's bool is an int.
  bool IsInteger() const { return kind() == Kind::kBool || kind() == Kind::kInt; }
  bool IsNumber() const { return IsInteger() || kind() == Kind::kFloat; }

  // Each REQUIRES the kind.
  const Undefined& undefined() const { return std::get<Undefined>(state_); }
  bool boolean() const { return std::get<bool>(state_); }
  int64_t integer() const;  // IsInteger()
  double number() const;    // IsNumber()
  const Text& text() const { return *std::get<std::shared_ptr<const Text>>(state_); }
  const std::string& bytes() const;
  List& list() const { return *std::get<std::shared_ptr<List>>(state_); }
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(state_); }
  Object& object() const { return *std::get<std::shared_ptr<Object>>(state_); }
  template <typename T>
  T* ObjectAs() const {
    return kind() == Kind::kObject ? dynamic_cast<T*>(&object()) : nullptr;
  }

  // The same object, not just an equal one.
  bool IsSame(const Value& other) const;
  size_t depth() const;

 private:
  std::variant<Undefined, None, bool, int64_t, double, std::shared_ptr<const Text>,
               std::shared_ptr<List>, std::shared_ptr<const Dict>, std::shared_ptr<Object>>
      state_;
};

struct Text {
  Text(Heap* heap, std::string text, bool is_markup);
  const std::string bytes;  // valid UTF-8
  const bool is_ascii;
  const bool is_markup;  // made by `escape` or `safe`
  const Charge charge;
};

struct List {
  List(Heap& heap, ListKind kind, std::vector<Value> items);
  const ListKind kind;
  const std::vector<Value> items;
  size_t consumed = 0;  // of a generator
  const size_t depth;
  const Charge charge;
};

// Keys in the order in which they came; equal keys as Python's equality has them (1 == 1.0).
class Dict {
 public:
  explicit Dict(Heap& heap) : heap_(heap), charge_(&heap, sizeof(Dict)) {}

  // Puts or replaces. Throws Failure when the key cannot be hashed. Only while it is being made.
  void Set(const Value& key, Value value);
  // nullptr when absent or not hashable.
  const Value* Find(const Value& key) const;
  const Value* Find(std::string_view key) const;

  const std::vector<std::pair<Value, Value>>& entries() const { return entries_; }
  size_t depth() const { return depth_; }

 private:
  std::optional<size_t> IndexOf(const std::string& identity) const;

  Heap& heap_;
  std::vector<std::pair<Value, Value>> entries_;
  std::map<std::string, size_t, std::less<>> index_;  // by the identity of the key
  size_t depth_ = 1;
  Charge charge_;
};

// Everything that is neither data nor undefined.
class Object : public std::enable_shared_from_this<Object> {
 public:
  virtual ~Object() = default;
  // As printing it shows it.
  virtual std::string Shown() const = 0;
  // std::nullopt when there is no such attribute.
  virtual std::optional<Value> Attribute(Heap& heap, std::string_view name);
  virtual bool IsCallable() const { return false; }
  virtual Value Call(Interpreter& interpreter, const Arguments& arguments);
  virtual size_t depth() const { return 1; }
};

inline const std::string& Value::bytes() const { return text().bytes; }
inline bool Value::IsList(ListKind list_kind) const { return IsList() && list().kind == list_kind; }

Value MakeText(Heap& heap, std::string text);
Value MakeMarkup(Heap& heap, std::string text);
Value MakeList(Heap& heap, std::vector<Value> items, ListKind kind = ListKind::kList);
Value MakeUndefined(std::string reason);
// `key` is missing in `owner`.
Value MakeMissing(const Value& owner, std::string_view key);

// Python's name of the type, as messages show it: "str", "dict", "NoneType".
std::string TypeName(const Value& value);
// Throws Failure unless lists inside lists stay below the limit.
size_t CheckedDepth(const Heap& heap, size_t depth);

// What a call passes: f(1, 2, a=3).
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// A parameter list: binds arguments as Python binds them to `def function(a, b=…)`.
// The first `required` must be given; the result has one entry a name, nullptr when not given.
// Throws Failure that names `function`.
std::vector<const Value*> Bind(std::string_view function, const Arguments& arguments,
                               const std::vector<std::string_view>& names, size_t required = 0);

// A function of the environment, or a method bound to its object.
class Function : public Object {
 public:
  using Body = Value (*)(Interpreter&, const Value& self, const Arguments&);
  Function(std::string name, Value self, Body body)
      : name_(std::move(name)), self_(std::move(self)), body_(body) {}

  std::string Shown() const override { return "<function " + name_ + ">"; }
  bool IsCallable() const override { return true; }
  Value Call(Interpreter& interpreter, const Arguments& arguments) override {
    return body_(interpreter, self_, arguments);
  }
  size_t depth() const override { return self_.depth() + 1; }

 private:
  const std::string name_;
  const Value self_;
  const Body body_;
};

// namespace(): the one thing whose attributes `set` can change.
class Namespace : public Object, public Circular {
 public:
  explicit Namespace(Heap& heap) : heap_(heap), charge_(&heap, sizeof(Namespace)) {}
  std::string Shown() const override { return "<Namespace>"; }
  std::optional<Value> Attribute(Heap& heap, std::string_view name) override;
  void Set(const std::string& name, Value value);
  void DropReferences() override { attributes_.clear(); }

 private:
  Heap& heap_;
  std::map<std::string, Value, std::less<>> attributes_;
  Charge charge_;
};

}  // namespace glimmer::chat::jinja
