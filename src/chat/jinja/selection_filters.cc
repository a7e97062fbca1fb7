// The filters that map and select items: map, select, reject, selectattr, rejectattr, attr.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "chat/jinja/attribute_path.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/filters.h"
#include "chat/jinja/value_ops.h"

namespace glimmer::chat::jinja {
namespace {

// The arguments behind the first `count` positional ones.
Arguments Behind(const Arguments& arguments, size_t count) {
  Arguments rest = arguments;
  const auto skipped = static_cast<ptrdiff_t>(std::min(count, rest.positional.size()));
  rest.positional.erase(rest.positional.begin(), rest.positional.begin() + skipped);
  return rest;
}

Value MapAttribute(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("map", arguments, {"attribute", "default"}, 1);
  Heap& heap = interpreter.heap();
  const bool has_fallback = bound[1] != nullptr && !bound[1]->IsNone();
  const AttributePath path(heap, *bound[0], has_fallback ? bound[1] : nullptr);
  std::vector<Value> mapped;
  for (const Value& item : ItemsOf(heap, input)) {
    heap.Step();
    mapped.push_back(path.Of(item));
  }
  return MakeList(heap, std::move(mapped), ListKind::kGenerator);
}

Value Map(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  if (arguments.positional.empty()) {
    const bool has_attribute =
        std::any_of(arguments.named.begin(), arguments.named.end(),
                    [](const auto& argument) { return argument.first == "attribute"; });
    if (!has_attribute) Fail("map needs the name of a filter, or attribute=…");
    return MapAttribute(interpreter, input, arguments);
  }
  const std::string& filter = TextArgument(arguments.positional[0], "the filter of map");
  const Arguments rest = Behind(arguments, 1);
  std::vector<Value> mapped;
  for (const Value& item : ItemsOf(interpreter.heap(), input)) {
    mapped.push_back(interpreter.Filter(filter, item, rest));
  }
  return MakeList(interpreter.heap(), std::move(mapped), ListKind::kGenerator);
}

enum class Look { kItem, kAttribute };
enum class Keep { kPassing, kFailing };

// select(test, …) or selectattr(attribute, test, …); without a test, truth counts.
template <Look kLook, Keep kKeep>
Value Select(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  constexpr size_t kTestAt = kLook == Look::kAttribute ? 1 : 0;
  Heap& heap = interpreter.heap();
  if (arguments.positional.size() < kTestAt) Fail("the filter needs the name of an attribute");
  const AttributePath path(heap, kTestAt == 0 ? Value(None{}) : arguments.positional[0]);
  const bool has_test = arguments.positional.size() > kTestAt;
  const std::string test =
      has_test ? TextArgument(arguments.positional[kTestAt], "the name of a test") : "";
  const Arguments rest = Behind(arguments, kTestAt + 1);
  std::vector<Value> kept;
  for (Value& item : ItemsOf(heap, input)) {
    heap.Step();
    const Value looked_at = path.Of(item);
    const bool passes = has_test ? interpreter.Test(test, looked_at, rest) : IsTrue(looked_at);
    if (passes == (kKeep == Keep::kPassing)) kept.push_back(std::move(item));
  }
  return MakeList(heap, std::move(kept), ListKind::kGenerator);
}

Value Attribute(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const auto bound = Bind("attr", arguments, {"name"}, 1);
  const std::string& name = TextArgument(*bound[0], "the name of attr");
  RequireDefined(input);
  // Unlike `.name`, not a dict's key.
  if (input.IsDict() && input.dict().Find(name) != nullptr) return MakeMissing(input, name);
  return AttributeOf(interpreter.heap(), input, name);
}

constexpr std::array kSelectionFilters = {
    NamedFilter{"map", &Map},
    NamedFilter{"select", &Select<Look::kItem, Keep::kPassing>},
    NamedFilter{"reject", &Select<Look::kItem, Keep::kFailing>},
    NamedFilter{"selectattr", &Select<Look::kAttribute, Keep::kPassing>},
    NamedFilter{"rejectattr", &Select<Look::kAttribute, Keep::kFailing>},
    NamedFilter{"attr", &Attribute},
};

}  // namespace

FilterBody FindSelectionFilter(std::string_view name) { return BodyOf(kSelectionFilters, name); }

}  // namespace glimmer::chat::jinja
