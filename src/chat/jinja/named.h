// Tables of functions by name: the filters, the tests, the methods.
#pragma once

#include <algorithm>
#include <string_view>

namespace glimmer::chat::jinja {

template <typename Body>
struct Named {
  std::string_view name;
  Body body;
};

// The body of this name in an array of Named, or nullptr.
template <typename Table>
auto BodyOf(const Table& table, std::string_view name) -> decltype(table.front().body) {
  const auto found = std::find_if(table.begin(), table.end(),
                                  [name](const auto& entry) { return entry.name == name; });
  return found == table.end() ? nullptr : found->body;
}

}  // namespace glimmer::chat::jinja
