// The budget of one rendering: counts steps and living bytes against the Limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/jinja/limits.h"

namespace glimmer::chat::jinja {

// Something that may come to hold itself in a circle of references (a namespace, a scope that a
// macro remembers). The heap keeps it until the end and then empties it.
class Circular {
 public:
  virtual ~Circular() = default;
  virtual void DropReferences() = 0;
};

class Heap {
 public:
  explicit Heap(const Limits& limits) : limits_(limits) {}
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;
  // Every value made with this heap must be gone by now, except those that circles hold.
  ~Heap();

  const Limits& limits() const { return limits_; }
  uint64_t steps() const { return steps_; }

  // Throws Failure when the template has used up its steps.
  void Step(uint64_t count = 1) {
    steps_ += count;
    if (steps_ > limits_.max_steps) FailSteps();
  }
  // The steps of looking at this many bytes.
  void StepBytes(size_t bytes) { Step(bytes / 64); }
  // Throws Failure when so many more bytes would be too many; counts nothing.
  void CheckFits(size_t bytes) const {
    if (bytes > limits_.max_memory_bytes - live_bytes_) FailMemory(bytes);
  }
  void Charge(size_t bytes) {
    CheckFits(bytes);
    live_bytes_ += bytes;
  }
  void Release(size_t bytes) { live_bytes_ -= bytes; }

  void Keep(std::shared_ptr<Circular> circular);

 private:
  [[noreturn]] void FailSteps() const;
  [[noreturn]] void FailMemory(size_t bytes) const;

  const Limits limits_;
  uint64_t steps_ = 0;
  size_t live_bytes_ = 0;
  std::vector<std::shared_ptr<Circular>> circulars_;
};

// Bytes charged to a heap for as long as this lives. Without a heap (constants of the template)
// nothing is counted.
class Charge {
 public:
  Charge() = default;
  Charge(Heap* heap, size_t bytes) : heap_(heap), bytes_(bytes) {
    if (heap_ != nullptr) heap_->Charge(bytes_);
  }
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;
  ~Charge() {
    if (heap_ != nullptr) heap_->Release(bytes_);
  }
  void Grow(size_t bytes) {
    if (heap_ != nullptr) heap_->Charge(bytes);
    bytes_ += bytes;
  }

 private:
  Heap* heap_ = nullptr;
  size_t bytes_ = 0;
};

// A text that grows under the heap's eyes: steps and memory are checked before each growth.
class TextBuilder {
 public:
  explicit TextBuilder(Heap& heap) : heap_(heap), charge_(&heap, 0) {}

  void Append(std::string_view text) {
    heap_.StepBytes(text.size());
    charge_.Grow(text.size());
    text_.append(text);
  }
  void AppendRepeated(std::string_view text, uint64_t count);
  size_t size() const { return text_.size(); }
  std::string Take() { return std::move(text_); }

 private:
  Heap& heap_;
  Charge charge_;
  std::string text_;
};

}  // namespace glimmer::chat::jinja
