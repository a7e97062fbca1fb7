// The variable `loop` inside a for loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "chat/jinja/ast.h"
#include "chat/jinja/scope.h"
#include "chat/jinja/value.h"

namespace glimmer::chat::jinja {

class Loop : public Object, public Circular {
 public:
  // `statement` must outlive the loop; `scope` is the one around it.
  Loop(std::shared_ptr<List> items, const ForStatement& statement, std::shared_ptr<Scope> scope,
       size_t level);

  void MoveTo(size_t index) { index_ = index; }

  std::string Shown() const override;
  std::optional<Value> Attribute(Heap& heap, std::string_view name) override;
  bool IsCallable() const override { return statement_.is_recursive; }
  // A recursive loop over the argument, one level deeper.
  Value Call(Interpreter& interpreter, const Arguments& arguments) override;
  size_t depth() const override { return items_->depth + 1; }
  void DropReferences() override { last_changed_.reset(); }

 private:
  static Value Cycle(Interpreter& interpreter, const Value& self, const Arguments& arguments);
  static Value Changed(Interpreter& interpreter, const Value& self, const Arguments& arguments);
  Value Neighbour(size_t index) const;

  const std::shared_ptr<List> items_;
  const ForStatement& statement_;
  const std::shared_ptr<Scope> scope_;  // only of a recursive loop
  const size_t level_;
  size_t index_ = 0;
  std::optional<Value> last_changed_;
  bool is_kept_ = false;  // by the heap, because last_changed_ may hold this loop
};

}  // namespace glimmer::chat::jinja
