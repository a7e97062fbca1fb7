// Searching text in linear time, whatever a hostile template looks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "chat/jinja/heap.h"

namespace glimmer::chat::jinja {

// Byte offset of the first `needle` at or after `from`, or npos. An empty needle is at `from`.
size_t FindText(std::string_view text, std::string_view needle, size_t from = 0);
// Byte offset of the last `needle`, or npos.
size_t FindLastText(std::string_view text, std::string_view needle);
// Python's str.count and str.replace; `most` < 0 replaces all.
size_t CountText(std::string_view text, std::string_view needle);
std::string ReplacedText(Heap& heap, std::string_view text, std::string_view from,
                         std::string_view to, int64_t most);

}  // namespace glimmer::chat::jinja
