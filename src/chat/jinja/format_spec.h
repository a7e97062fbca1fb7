// One value as formatted text, in the terms that both of Python's notations share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "chat/jinja/value.h"

namespace glimmer::chat::jinja {

constexpr int64_t kMostPrecision = 300;
constexpr int64_t kMostWidth = 1'000'000;

// How one value is to be written, in either of Python's notations.
struct FormatSpec {
  std::string fill = " ";
  char align = '\0';  // '<', '>', '^', '=' or none
  char sign = '-';    // '-', '+' or ' '
  bool is_alternate = false;
  char grouping = '\0';
  int64_t width = 0;
  int64_t precision = -1;
  char type = '\0';
};

// Reads decimal digits at `at`; -1 when there are none. Throws Failure beyond `most`.
int64_t TakeNumber(std::string_view text, size_t& at, int64_t most);

// REQUIRES: a number; an int unless the type is one of eEfFgG% or none.
std::string NumberFormatted(Heap& heap, const Value& value, const FormatSpec& spec);
// `align` is where a text stands when the spec does not say.
std::string TextFormatted(Heap& heap, std::string_view text, const FormatSpec& spec, char align);

}  // namespace glimmer::chat::jinja
