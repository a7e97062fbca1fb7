// Variables by scope: each loop pass, macro call and block has its own, and sees the enclosing
// ones.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "chat/jinja/ast.h"
#include "chat/jinja/heap.h"
#include "chat/jinja/value.h"

namespace glimmer::chat::jinja {

class Scope : public Circular {
 public:
  Scope(Heap& heap, std::shared_ptr<Scope> parent)
      : heap_(heap), parent_(std::move(parent)), charge_(&heap, sizeof(Scope)) {}

  void Set(Symbol symbol, Value value) {
    for (auto& [name, held] : variables_) {
      if (name != symbol) continue;
      held = std::move(value);
      return;
    }
    heap_.Step(1 + variables_.size() / 16);
    charge_.Grow(sizeof(variables_[0]));
    variables_.emplace_back(symbol, std::move(value));
  }

  // Looks here, then outwards. nullptr when nobody knows the name.
  const Value* Find(Symbol symbol) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->parent_.get()) {
      heap_.Step(scope->variables_.size() / 16);
      for (const auto& [name, value] : scope->variables_) {
        if (name == symbol) return &value;
      }
    }
    return nullptr;
  }

  void Clear() { variables_.clear(); }
  void DropReferences() override { variables_.clear(); }

  // A macro remembers this scope: the heap keeps it from now on.
  static void Capture(Heap& heap, const std::shared_ptr<Scope>& scope) {
    if (std::exchange(scope->is_captured_, true)) return;
    heap.Keep(scope);
  }
  bool is_captured() const { return is_captured_; }

 private:
  Heap& heap_;
  const std::shared_ptr<Scope> parent_;
  std::vector<std::pair<Symbol, Value>> variables_;
  Charge charge_;
  bool is_captured_ = false;
};

}  // namespace glimmer::chat::jinja
