// The filters that count, order and regroup items.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "chat/jinja/attribute_path.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/filters.h"
#include "chat/jinja/value_ops.h"
#include "chat/jinja/value_text.h"
#include "unicode/python_str.h"

namespace glimmer::chat::jinja {
namespace {

bool IsOn(const Value* flag) { return flag != nullptr && IsTrue(*flag); }
bool IsGiven(const Value* value) { return value != nullptr && !value->IsNone(); }

// Texts compare without case unless the filter is told otherwise.
Value Folded(Heap& heap, const Value& value, bool is_case_sensitive) {
  if (is_case_sensitive || !value.IsText()) return value;
  return MakeText(heap, unicode::ToLower(value.bytes()));
}

struct Keyed {
  Value key;
  Value item;
};

void SortKeyed(Heap& heap, std::vector<Keyed>& keyed, bool is_reversed) {
  // Reversing keeps equal items in their order, as Python does.
  std::stable_sort(keyed.begin(), keyed.end(),
                   [&heap, is_reversed](const Keyed& a, const Keyed& b) {
                     return is_reversed ? IsLess(heap, b.key, a.key) : IsLess(heap, a.key, b.key);
                   });
}

std::vector<Value> ItemsOfKeyed(const std::vector<Keyed>& keyed) {
  std::vector<Value> items;
  for (const Keyed& entry : keyed) items.push_back(entry.item);
  return items;
}

Value Length(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Bind("length", arguments, {});
  return Value(static_cast<int64_t>(LengthOf(interpreter.heap(), input)));
}

Value Join(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("join", arguments, {"d", "attribute"});
  Heap& heap = interpreter.heap();
  const std::string separator = bound[0] ? ToText(heap, *bound[0]) : "";
  TextBuilder out(heap);
  bool is_first = true;
  for (const Value& item : ItemsOf(heap, input)) {
    if (!is_first) out.Append(separator);
    is_first = false;
    heap.Step();
    out.Append(ToText(heap, IsGiven(bound[1]) ? AttributePath(heap, *bound[1]).Of(item) : item));
  }
  return MakeText(heap, out.Take());
}

Value First(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Bind("first", arguments, {});
  if (input.IsList(ListKind::kGenerator)) {
    List& generator = input.list();
    if (generator.consumed < generator.items.size()) return generator.items[generator.consumed++];
    return MakeUndefined("there is no first item");
  }
  const auto items = ItemsOf(interpreter.heap(), input);
  return items.empty() ? MakeUndefined("there is no first item") : items.front();
}

Value Last(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Bind("last", arguments, {});
  if (input.IsList(ListKind::kGenerator)) Fail("a generator has no last item");
  const auto items = ItemsOf(interpreter.heap(), input);
  return items.empty() ? MakeUndefined("there is no last item") : items.back();
}

Value ListFilter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Bind("list", arguments, {});
  return MakeList(interpreter.heap(), ItemsOf(interpreter.heap(), input));
}

Value Items(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Bind("items", arguments, {});
  Heap& heap = interpreter.heap();
  std::vector<Value> items;
  if (!input.IsUndefined()) {
    if (!input.IsDict()) Fail(fmt::format("items needs a dict, not a {}", TypeName(input)));
    for (const auto& [key, value] : input.dict().entries()) {
      items.push_back(MakeList(heap, {key, value}, ListKind::kTuple));
    }
  }
  return MakeList(heap, std::move(items), ListKind::kGenerator);
}

Value DictSort(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  Heap& heap = interpreter.heap();
  const std::string by = bound[1] ? TextArgument(*bound[1], "the `by` of dictsort") : "key";
  if (by != "key" && by != "value") Fail("dictsort sorts by key or by value");
  RequireDefined(input);
  if (!input.IsDict()) Fail(fmt::format("dictsort needs a dict, not a {}", TypeName(input)));
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : input.dict().entries()) {
    keyed.push_back({Folded(heap, by == "key" ? key : value, IsOn(bound[0])),
                     MakeList(heap, {key, value}, ListKind::kTuple)});
  }
  SortKeyed(heap, keyed, IsOn(bound[2]));
  return MakeList(heap, ItemsOfKeyed(keyed));
}

// The values of several paths "a.b,c", as a list.
Value SortKey(Heap& heap, const std::vector<AttributePath>& paths, const Value& item,
              bool is_case_sensitive) {
  std::vector<Value> key;
  for (const auto& path : paths) key.push_back(Folded(heap, path.Of(item), is_case_sensitive));
  return MakeList(heap, std::move(key));
}

Value Sort(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  Heap& heap = interpreter.heap();
  const auto paths = AttributePath::Several(heap, bound[2]);
  std::vector<Keyed> keyed;
  for (Value& item : ItemsOf(heap, input)) {
    Value key = SortKey(heap, paths, item, IsOn(bound[1]));
    keyed.push_back({std::move(key), std::move(item)});
  }
  SortKeyed(heap, keyed, IsOn(bound[0]));
  return MakeList(heap, ItemsOfKeyed(keyed));
}

Value Unique(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("unique", arguments, {"case_sensitive", "attribute"});
  Heap& heap = interpreter.heap();
  const AttributePath path(heap, bound[1] ? *bound[1] : Value(None{}));
  Dict seen(heap);
  std::vector<Value> kept;
  for (const Value& item : ItemsOf(heap, input)) {
    heap.Step();
    const Value key = Folded(heap, path.Of(item), IsOn(bound[0]));
    if (seen.Find(key) != nullptr) continue;
    seen.Set(key, Value(true));
    kept.push_back(item);
  }
  return MakeList(heap, std::move(kept), ListKind::kGenerator);
}

Value Reverse(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Bind("reverse", arguments, {});
  Heap& heap = interpreter.heap();
  if (input.IsText()) {
    return Slice(heap, input, {Value(None{}), Value(None{}), Value(int64_t{-1})});
  }
  const bool is_list = input.IsList(ListKind::kGenerator);
  std::vector<Value> items = ItemsOf(heap, input);
  std::reverse(items.begin(), items.end());
  return MakeList(heap, std::move(items), is_list ? ListKind::kList : ListKind::kGenerator);
}

Value Batch(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("batch", arguments, {"linecount", "fill_with"}, 1);
  Heap& heap = interpreter.heap();
  const int64_t count = IntegerArgument(*bound[0], "the linecount of batch");
  std::vector<Value> batches;
  std::vector<Value> row;
  for (const Value& item : ItemsOf(heap, input)) {
    heap.Step();
    if (static_cast<int64_t>(row.size()) == count) {
      batches.push_back(MakeList(heap, std::exchange(row, {})));
    }
    row.push_back(item);
  }
  if (!row.empty()) {
    const bool is_filled = IsGiven(bound[1]) && static_cast<int64_t>(row.size()) < count;
    if (is_filled)
      heap.CheckFits(static_cast<size_t>(std::min<int64_t>(count, INT64_MAX / 64)) * sizeof(Value));
    if (is_filled) row.resize(static_cast<size_t>(count), *bound[1]);
    batches.push_back(MakeList(heap, std::move(row)));
  }
  return MakeList(heap, std::move(batches), ListKind::kGenerator);
}

Value SliceFilter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("slice", arguments, {"slices", "fill_with"}, 1);
  Heap& heap = interpreter.heap();
  const int64_t slices = IntegerArgument(*bound[0], "the slices of slice");
  if (slices <= 0) Fail("slice needs at least one slice");
  const auto items = ItemsOf(heap, input);
  const auto total = static_cast<int64_t>(items.size());
  std::vector<Value> columns;
  int64_t start = 0;
  for (int64_t i = 0; i < slices; ++i) {
    heap.Step();
    const int64_t end = start + total / slices + (i < total % slices ? 1 : 0);
    std::vector<Value> column(items.begin() + start, items.begin() + end);
    if (IsGiven(bound[1]) && i >= total % slices) column.push_back(*bound[1]);
    columns.push_back(MakeList(heap, std::move(column)));
    start = end;
  }
  return MakeList(heap, std::move(columns), ListKind::kGenerator);
}

Value GroupBy(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("groupby", arguments, {"attribute", "default", "case_sensitive"}, 1);
  Heap& heap = interpreter.heap();
  const AttributePath path(heap, *bound[0], IsGiven(bound[1]) ? bound[1] : nullptr);
  std::vector<Keyed> keyed;
  for (Value& item : ItemsOf(heap, input)) {
    Value key = Folded(heap, path.Of(item), IsOn(bound[2]));
    keyed.push_back({std::move(key), std::move(item)});
  }
  SortKeyed(heap, keyed, false);
  std::vector<Value> groups;
  for (size_t i = 0; i < keyed.size();) {
    const Value& first = keyed[i].item;
    const Value& key = keyed[i].key;
    std::vector<Value> members;
    while (i < keyed.size() && IsEqual(heap, keyed[i].key, key)) {
      members.push_back(keyed[i++].item);
    }
    groups.push_back(
        MakeList(heap, {path.Of(first), MakeList(heap, std::move(members))}, ListKind::kGroup));
  }
  return MakeList(heap, std::move(groups));
}

Value Sum(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("sum", arguments, {"attribute", "start"});
  Heap& heap = interpreter.heap();
  const AttributePath path(heap, bound[0] ? *bound[0] : Value(None{}));
  Value total = bound[1] ? *bound[1] : Value(int64_t{0});
  if (total.IsText()) Fail("sum cannot add up texts");
  for (const Value& item : ItemsOf(heap, input)) {
    heap.Step();
    total = Combine(heap, BinaryOperator::kAdd, total, path.Of(item));
  }
  return total;
}

template <bool kIsMost>
Value Extreme(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("min and max", arguments, {"case_sensitive", "attribute"});
  Heap& heap = interpreter.heap();
  const AttributePath path(heap, bound[1] ? *bound[1] : Value(None{}));
  std::optional<Keyed> best;
  for (const Value& item : ItemsOf(heap, input)) {
    Keyed entry{Folded(heap, path.Of(item), IsOn(bound[0])), item};
    const bool is_better = !best || (kIsMost ? IsLess(heap, best->key, entry.key)
                                             : IsLess(heap, entry.key, best->key));
    if (is_better) best = std::move(entry);
  }
  return best ? best->item : MakeUndefined("an empty sequence has no least or greatest item");
}

constexpr std::array kSequenceFilters = {
    NamedFilter{"length", &Length},     NamedFilter{"count", &Length},
    NamedFilter{"join", &Join},         NamedFilter{"first", &First},
    NamedFilter{"last", &Last},         NamedFilter{"list", &ListFilter},
    NamedFilter{"items", &Items},       NamedFilter{"dictsort", &DictSort},
    NamedFilter{"sort", &Sort},         NamedFilter{"unique", &Unique},
    NamedFilter{"reverse", &Reverse},   NamedFilter{"batch", &Batch},
    NamedFilter{"slice", &SliceFilter}, NamedFilter{"groupby", &GroupBy},
    NamedFilter{"sum", &Sum},           NamedFilter{"min", &Extreme<false>},
    NamedFilter{"max", &Extreme<true>},
};

}  // namespace

FilterBody FindSequenceFilter(std::string_view name) { return BodyOf(kSequenceFilters, name); }

}  // namespace glimmer::chat::jinja
