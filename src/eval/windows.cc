#include "eval/windows.h"

#include <fmt/format.h>

#include <algorithm>

namespace glimmer::eval {

base::Result<std::vector<Window>> MakeWindows(size_t token_count, size_t context, size_t stride) {
  if (token_count < 2) {
    return base::Invalid(
        fmt::format("the text: expected at least 2 tokens, found {}", token_count));
  }
  if (context < 2) {
    return base::Invalid(fmt::format("context: expected at least 2 tokens, found {}", context));
  }
  if (stride < 1 || stride > context) {
    return base::Invalid(
        fmt::format("stride: expected 1 to {} (the context) tokens, found {}", context, stride));
  }
  std::vector<Window> windows;
  for (size_t begin = 0, scored = 0; scored < token_count; begin += stride) {
    const size_t end = begin + std::min(context, token_count - begin);
    const size_t first_scored = std::max(scored, begin + 1);
    if (!windows.empty()) windows.back().end_row = first_scored - 1;
    windows.push_back({begin, end, first_scored, end});
    scored = end;
  }
  return windows;
}

}  // namespace glimmer::eval
