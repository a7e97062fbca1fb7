#include "chat/jinja/heap.h"

#include <fmt/format.h>

#include "base/text.h"
#include "chat/jinja/failure.h"

namespace glimmer::chat::jinja {

Heap::~Heap() {
  for (const auto& circular : circulars_) circular->DropReferences();
}

void Heap::Keep(std::shared_ptr<Circular> circular) {
  Charge(sizeof(circular));
  circulars_.push_back(std::move(circular));
}

void Heap::FailSteps() const {
  FailExhausted(fmt::format("the template did not end within its limit of {} steps",
                            base::WithCommas(limits_.max_steps)));
}

void Heap::FailMemory(size_t bytes) const {
  FailExhausted(
      fmt::format("the template asks for {} more bytes than its memory limit of {} bytes "
                  "allows ({} in use)",
                  base::WithCommas(bytes), base::WithCommas(limits_.max_memory_bytes),
                  base::WithCommas(live_bytes_)));
}

void TextBuilder::AppendRepeated(std::string_view text, uint64_t count) {
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(text.size(), count, &bytes)) bytes = SIZE_MAX / 2;
  heap_.StepBytes(bytes);
  charge_.Grow(bytes);
  for (uint64_t i = 0; i < count; ++i) text_.append(text);
}

}  // namespace glimmer::chat::jinja
