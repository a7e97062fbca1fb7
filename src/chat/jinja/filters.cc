#include "chat/jinja/filters.h"

namespace glimmer::chat::jinja {

FilterBody FindFilter(std::string_view name) {
  if (const FilterBody body = FindTextFilter(name)) return body;
  if (const FilterBody body = FindSequenceFilter(name)) return body;
  return FindSelectionFilter(name);
}

}  // namespace glimmer::chat::jinja
