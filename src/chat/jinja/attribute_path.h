// "function.name", "0.text": how filters name a part of each item.
#pragma once

#include <vector>

#include "chat/jinja/value.h"

namespace glimmer::chat::jinja {

class AttributePath {
 public:
  // `path` is a text with dots, an int, or none for the item itself. `fallback`, unless nullptr,
  // takes the place of what is missing. Throws Failure for anything else.
  AttributePath(Heap& heap, const Value& path, const Value* fallback = nullptr);
  // The paths of "a.b,c"; one that gives the item itself when `paths` is nullptr or none.
  static std::vector<AttributePath> Several(Heap& heap, const Value* paths);

  Value Of(const Value& item) const;

 private:
  Heap* heap_;
  std::vector<Value> parts_;
  const Value* fallback_;
};

}  // namespace glimmer::chat::jinja
