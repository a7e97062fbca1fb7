// What a template may use up before it is stopped. All limits are counted, none is a clock, so
// the same template with the same input always ends the same way.
#pragma once

#include <cstddef>
#include <cstdint>

namespace glimmer::chat::jinja {

struct Limits {
  size_t max_template_bytes = size_t{4} << 20;
  // Blocks inside blocks, parentheses inside parentheses, operators behind operators.
  size_t max_nesting = 150;
  // One step is one node of the template evaluated, or 64 bytes of text touched.
  uint64_t max_steps = 10'000'000;
  // Alive at one moment: strings, lists, dicts, variables.
  size_t max_memory_bytes = size_t{128} << 20;
  size_t max_output_bytes = size_t{64} << 20;
  // Nodes of the template that are being evaluated at one moment, macros inside macros included.
  size_t max_depth = 1000;
  // Lists inside lists.
  size_t max_value_depth = 150;
  size_t max_range_items = 100'000;
};

}  // namespace glimmer::chat::jinja
