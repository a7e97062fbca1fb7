#include "chat/jinja/loop.h"

#include <fmt/format.h>

#include <utility>

#include "chat/jinja/failure.h"
#include "chat/jinja/interpreter.h"
#include "chat/jinja/value_ops.h"

namespace glimmer::chat::jinja {

Loop::Loop(std::shared_ptr<List> items, const ForStatement& statement, std::shared_ptr<Scope> scope,
           size_t level)
    : items_(std::move(items)),
      statement_(statement),
      scope_(statement.is_recursive ? std::move(scope) : nullptr),
      level_(level) {}

std::string Loop::Shown() const {
  return fmt::format("<LoopContext {}/{}>", index_ + 1, items_->items.size());
}

Value Loop::Neighbour(size_t index) const {
  if (index < items_->items.size()) return items_->items[index];
  return MakeUndefined("the loop has no such neighbour here");
}

std::optional<Value> Loop::Attribute(Heap&, std::string_view name) {
  const auto number = [](size_t n) { return Value(static_cast<int64_t>(n)); };
  const size_t length = items_->items.size();
  if (name == "index") return number(index_ + 1);
  if (name == "index0") return number(index_);
  if (name == "revindex") return number(length - index_);
  if (name == "revindex0") return number(length - index_ - 1);
  if (name == "first") return Value(index_ == 0);
  if (name == "last") return Value(index_ + 1 == length);
  if (name == "length") return number(length);
  if (name == "depth") return number(level_);
  if (name == "depth0") return number(level_ - 1);
  if (name == "previtem") return Neighbour(index_ - 1);  // index 0 wraps to no neighbour
  if (name == "nextitem") return Neighbour(index_ + 1);
  const bool is_cycle = name == "cycle";
  if (!is_cycle && name != "changed") return std::nullopt;
  return Value(std::shared_ptr<Object>(std::make_shared<Function>(
      "loop." + std::string(name), Value(shared_from_this()), is_cycle ? &Cycle : &Changed)));
}

Value Loop::Cycle(Interpreter&, const Value& self, const Arguments& arguments) {
  if (arguments.positional.empty()) Fail("loop.cycle needs an argument");
  return arguments.positional[self.ObjectAs<Loop>()->index_ % arguments.positional.size()];
}

Value Loop::Changed(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  Loop& loop = *self.ObjectAs<Loop>();
  const Value now = MakeList(interpreter.heap(), arguments.positional, ListKind::kTuple);
  auto& last = loop.last_changed_;
  if (last && IsEqual(interpreter.heap(), *last, now)) return Value(false);
  const bool may_hold_loop = now.depth() > 1;
  if (may_hold_loop && !std::exchange(loop.is_kept_, true)) {
    interpreter.heap().Keep(std::dynamic_pointer_cast<Circular>(loop.shared_from_this()));
  }
  last = now;
  return Value(true);
}

Value Loop::Call(Interpreter& interpreter, const Arguments& arguments) {
  if (!statement_.is_recursive) Fail("only a loop marked `recursive` can be called");
  const auto bound = Bind("loop", arguments, {"iterable"}, 1);
  return interpreter.RunRecursion(statement_, scope_, *bound[0], level_ + 1);
}

}  // namespace glimmer::chat::jinja
