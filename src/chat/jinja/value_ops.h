// Python's operators on values. Everything here counts its steps, and throws Failure where Python
// raises an exception; messages name the types.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/jinja/value.h"

namespace glimmer::chat::jinja {

enum class BinaryOperator { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
enum class Comparison { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

// The sentence that using this undefined value gives.
std::string UndefinedReason(const Value& value);
// Throws that sentence if the value is undefined.
void RequireDefined(const Value& value);

bool IsTrue(const Value& value);
bool IsEqual(Heap& heap, const Value& a, const Value& b);
// a < b. Throws Failure when the two cannot be ordered.
bool IsLess(Heap& heap, const Value& a, const Value& b);
bool Compares(Heap& heap, Comparison comparison, const Value& a, const Value& b);
// `item in container`.
bool IsIn(Heap& heap, const Value& item, const Value& container);

Value Combine(Heap& heap, BinaryOperator op, const Value& a, const Value& b);
Value Negated(const Value& value);
Value Positive(const Value& value);

// Number of items: of a text its code points. Throws Failure for what has none.
size_t LengthOf(Heap& heap, const Value& value);
bool IsIterable(const Value& value);
// What a `for` walks over: the items, a dict's keys, a text's code points. Consumes a generator.
std::vector<Value> ItemsOf(Heap& heap, const Value& value);

struct SliceBounds {
  Value start;  // none or undefined: absent
  Value stop;
  Value step;
};
Value Slice(Heap& heap, const Value& value, const SliceBounds& bounds);

// value.name and value[key] as the sandbox allows them: Undefined when missing.
Value AttributeOf(Heap& heap, const Value& value, std::string_view name);
Value ItemOf(Heap& heap, const Value& value, const Value& key);

// The integer in `value`. Throws Failure that names `what` for anything else.
int64_t IntegerArgument(const Value& value, std::string_view what);
// The text in `value`. Throws Failure that names `what` for anything else.
const std::string& TextArgument(const Value& value, std::string_view what);

}  // namespace glimmer::chat::jinja
