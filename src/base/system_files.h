// The small text files in which Linux tells about itself: /proc and /sys. Their sizes are unknown
// before they are read, and any of them may be absent, in a container above all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glimmer::base {

// The file's text without the line break at its end; nothing when it cannot be read.
std::optional<std::string> ReadSystemFile(const std::string& path);

// A decimal number that is the whole text.
std::optional<uint64_t> ParseCount(std::string_view text);

// "0-3,8" -> {0, 1, 2, 3, 8}, ascending, each once; nothing when the text is no such list or names
// an index above 2^20. The empty text is the empty list.
std::optional<std::vector<size_t>> ParseIndexList(std::string_view text);

// Between every two separators; "" is one empty part.
std::vector<std::string_view> SplitAt(std::string_view text, char separator);

}  // namespace glimmer::base
