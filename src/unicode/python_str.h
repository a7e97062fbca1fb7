// What Python's str says and does, on UTF-8 text: as Python 3.14, whose Unicode is 16.0, except
// that the lower case of a sigma does not depend on its place. All text must be valid UTF-8.
// Threads: everything may be called from several threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace glimmer::unicode {

bool IsSpace(uint32_t point);       // str.isspace
bool IsLineBreak(uint32_t point);   // str.splitlines
bool IsAlphabetic(uint32_t point);  // str.isalpha
bool IsDigit(uint32_t point);
bool IsNumeric(uint32_t point);
bool IsPrintable(uint32_t point);
bool IsLowercase(uint32_t point);
bool IsUppercase(uint32_t point);

std::string ToLower(std::string_view text);
std::string ToUpper(std::string_view text);
std::string ToTitle(std::string_view text);      // str.title
std::string Capitalized(std::string_view text);  // str.capitalize

std::string_view TrimLeft(std::string_view text);
std::string_view TrimRight(std::string_view text);
// Drops the code points of `points` from the chosen ends.
enum class Ends { kLeft, kRight, kBoth };
std::string_view Trim(std::string_view text, Ends ends);
std::string_view TrimPoints(std::string_view text, std::string_view points, Ends ends);

// str.splitlines.
enum class LineEnds { kDropped, kKept };
std::vector<std::string_view> LinesOf(std::string_view text, LineEnds ends);

}  // namespace glimmer::unicode
