#include "chat/jinja/attribute_path.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/system_files.h"
#include "chat/jinja/failure.h"
#include "chat/jinja/value_ops.h"

namespace glimmer::chat::jinja {
namespace {

Value PartOf(Heap& heap, std::string_view part) {
  int64_t index = 0;
  const auto parsed = std::from_chars(part.data(), part.data() + part.size(), index);
  const bool is_index = !part.empty() && part[0] != '-' && parsed.ec == std::errc() &&
                        parsed.ptr == part.data() + part.size();
  return is_index ? Value(index) : MakeText(heap, std::string(part));
}

}  // namespace

AttributePath::AttributePath(Heap& heap, const Value& path, const Value* fallback)
    : heap_(&heap), fallback_(fallback) {
  if (path.IsNone()) return;
  if (path.IsInteger()) {
    parts_.push_back(path);
    return;
  }
  for (const auto part : base::SplitAt(TextArgument(path, "the attribute of a filter"), '.')) {
    parts_.push_back(PartOf(heap, part));
  }
}

std::vector<AttributePath> AttributePath::Several(Heap& heap, const Value* paths) {
  std::vector<AttributePath> several;
  if (paths == nullptr || !paths->IsText()) {
    several.emplace_back(heap, paths == nullptr ? Value(None{}) : *paths);
    return several;
  }
  for (const auto path : base::SplitAt(paths->bytes(), ',')) {
    several.emplace_back(heap, MakeText(heap, std::string(path)));
  }
  return several;
}

Value AttributePath::Of(const Value& item) const {
  Value value = item;
  for (const Value& part : parts_) {
    value = ItemOf(*heap_, value, part);
    if (fallback_ != nullptr && value.IsUndefined()) value = *fallback_;
  }
  return value;
}

}  // namespace glimmer::chat::jinja
