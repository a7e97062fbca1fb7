#include "chat/jinja/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/value_text.h"
#include "unicode/utf8.h"

namespace glimmer::chat::jinja {
namespace {

// What an allocation costs beside its bytes.
constexpr size_t kOverheadBytes = 64;
// Small dicts are searched in a row.
constexpr size_t kIndexedEntries = 8;

size_t DepthOf(const Heap& heap, const std::vector<Value>& items) {
  size_t depth = 0;
  for (const Value& item : items) depth = std::max(depth, item.depth());
  return CheckedDepth(heap, depth + 1);
}

// Equal exactly when Python calls the keys equal; std::nullopt when it cannot hash them.
std::optional<std::string> Identity(const Value& key) {
  switch (key.kind()) {
    case Kind::kText:
      return "s" + key.bytes();
    case Kind::kNone:
      return "N";
    case Kind::kBool:
    case Kind::kInt:
      return "i" + std::to_string(key.integer());
    case Kind::kFloat: {
      const double number = key.number();
      const bool is_whole = std::abs(number) < 0x1p62 && number == std::trunc(number);
      if (is_whole) return "i" + std::to_string(static_cast<int64_t>(number));
      return "f" + FloatText(number);
    }
    case Kind::kList: {
      if (key.list().kind != ListKind::kTuple) return std::nullopt;
      std::string identity = "(";
      for (const Value& item : key.list().items) {
        const auto part = Identity(item);
        if (!part) return std::nullopt;
        identity += std::to_string(part->size()) + ":" + *part;
      }
      return identity;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

Text::Text(Heap* heap, std::string text, bool markup)
    : bytes(std::move(text)),
      is_ascii(unicode::IsAscii(bytes)),
      is_markup(markup),
      charge(heap, bytes.capacity() + sizeof(Text) + kOverheadBytes) {
  if (heap != nullptr) heap->StepBytes(bytes.size());
}

List::List(Heap& heap, ListKind list_kind, std::vector<Value> list_items)
    : kind(list_kind),
      items(std::move(list_items)),
      depth(DepthOf(heap, items)),
      charge(&heap, items.capacity() * sizeof(Value) + sizeof(List) + kOverheadBytes) {
  heap.StepBytes(items.size() * sizeof(Value));
}

void Dict::Set(const Value& key, Value value) {
  const auto identity = Identity(key);
  if (!identity) Fail(fmt::format("a {} cannot be the key of a dict", TypeName(key)));
  heap_.StepBytes(identity->size());
  depth_ = CheckedDepth(heap_, std::max(depth_, std::max(key.depth(), value.depth()) + 1));
  if (const auto at = IndexOf(*identity)) {
    entries_[*at].second = std::move(value);
    return;
  }
  charge_.Grow(2 * identity->size() + 2 * sizeof(Value) + 2 * kOverheadBytes);
  entries_.emplace_back(key, std::move(value));
  index_.emplace(*identity, entries_.size() - 1);
}

const Value* Dict::Find(const Value& key) const {
  if (key.IsText()) return Find(key.bytes());
  const auto identity = Identity(key);
  if (!identity) return nullptr;
  const auto at = IndexOf(*identity);
  return at ? &entries_[*at].second : nullptr;
}

const Value* Dict::Find(std::string_view key) const {
  if (entries_.size() > kIndexedEntries) {
    const auto at = IndexOf("s" + std::string(key));
    return at ? &entries_[*at].second : nullptr;
  }
  for (const auto& [candidate, value] : entries_) {
    if (candidate.IsText() && candidate.bytes() == key) return &value;
  }
  return nullptr;
}

std::optional<size_t> Dict::IndexOf(const std::string& identity) const {
  const auto found = index_.find(identity);
  if (found == index_.end()) return std::nullopt;
  return found->second;
}

std::optional<Value> Object::Attribute(Heap&, std::string_view) { return std::nullopt; }

Value Object::Call(Interpreter&, const Arguments&) { Fail("it cannot be called"); }

int64_t Value::integer() const {
  if (kind() == Kind::kBool) return boolean() ? 1 : 0;
  return std::get<int64_t>(state_);
}

double Value::number() const {
  if (kind() == Kind::kFloat) return std::get<double>(state_);
  return static_cast<double>(integer());
}

bool Value::IsSame(const Value& other) const {
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::kUndefined:
      return undefined().reason == other.undefined().reason;
    case Kind::kNone:
      return true;
    case Kind::kBool:
    case Kind::kInt:
      return integer() == other.integer();
    case Kind::kFloat:
      return number() == other.number();
    case Kind::kText:
      return &text() == &other.text() || bytes() == other.bytes();  // Python interns most
    case Kind::kList:
      return &list() == &other.list();
    case Kind::kDict:
      return &dict() == &other.dict();
    case Kind::kObject:
      return &object() == &other.object();
  }
  return false;
}

size_t Value::depth() const {
  switch (kind()) {
    case Kind::kList:
      return list().depth;
    case Kind::kDict:
      return dict().depth();
    case Kind::kObject:
      return object().depth();
    default:
      return 0;
  }
}

Value MakeText(Heap& heap, std::string text) {
  return Value(std::make_shared<const Text>(&heap, std::move(text), false));
}

Value MakeMarkup(Heap& heap, std::string text) {
  return Value(std::make_shared<const Text>(&heap, std::move(text), true));
}

Value MakeList(Heap& heap, std::vector<Value> items, ListKind kind) {
  return Value(std::make_shared<List>(heap, kind, std::move(items)));
}

Value MakeUndefined(std::string reason) {
  return Value(Undefined{std::make_shared<const std::string>(std::move(reason))});
}

Value MakeMissing(const Value& owner, std::string_view key) {
  return MakeUndefined(fmt::format("{} has no {}", TypeName(owner), base::Quoted(key)));
}

std::string TypeName(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return "undefined value";
    case Kind::kNone:
      return "none";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kText:
      return "str";
    case Kind::kDict:
      return "dict";
    case Kind::kObject:
      return value.object().Shown();
    case Kind::kList:
      break;
  }
  switch (value.list().kind) {
    case ListKind::kList:
      return "list";
    case ListKind::kTuple:
    case ListKind::kGroup:
      return "tuple";
    case ListKind::kRange:
      return "range";
    case ListKind::kGenerator:
      return "generator";
    default:
      return "view of a dict";
  }
}

size_t CheckedDepth(const Heap& heap, size_t depth) {
  if (depth > heap.limits().max_value_depth) {
    FailExhausted(fmt::format("values nest deeper than the limit of {} levels",
                              heap.limits().max_value_depth));
  }
  return depth;
}

std::vector<const Value*> Bind(std::string_view function, const Arguments& arguments,
                               const std::vector<std::string_view>& names, size_t required) {
  std::vector<const Value*> bound(names.size(), nullptr);
  if (arguments.positional.size() > names.size()) {
    Fail(fmt::format("{} takes at most {} arguments and was given {}", function, names.size(),
                     arguments.positional.size()));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) bound[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) {
      Fail(fmt::format("{} has no parameter {}", function, base::Quoted(name)));
    }
    const Value*& slot = bound[static_cast<size_t>(at - names.begin())];
    if (slot != nullptr) Fail(fmt::format("{} was given {} twice", function, base::Quoted(name)));
    slot = &value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (bound[i] == nullptr) {
      Fail(fmt::format("{} needs its argument {}", function, base::Quoted(names[i])));
    }
  }
  return bound;
}

std::optional<Value> Namespace::Attribute(Heap&, std::string_view name) {
  const auto found = attributes_.find(name);
  if (found == attributes_.end()) return std::nullopt;
  return found->second;
}

void Namespace::Set(const std::string& name, Value value) {
  const auto [at, is_new] = attributes_.insert_or_assign(name, std::move(value));
  if (is_new) charge_.Grow(name.size() + sizeof(Value) + kOverheadBytes);
}

}  // namespace glimmer::chat::jinja
