// Numbers as Python's int() and float() read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace glimmer::chat::jinja {

// Spaces around, a sign, single underscores between digits, and for bases 2, 8, 16 (or 0, which
// takes it from the text) the prefixes 0b, 0o, 0x. Throws Failure beyond 64 bits.
std::optional<int64_t> ReadInteger(std::string_view text, int64_t base);
std::optional<double> ReadFloat(std::string_view text);

}  // namespace glimmer::chat::jinja
