// Text as Python sees it: UTF-8 inside, code points outside. Every string of the interpreter is
// valid UTF-8; the functions here rely on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace glimmer::chat::jinja {

// The offset of the first byte that is not part of valid UTF-8, or npos.
size_t FindInvalidUtf8(std::string_view bytes);

bool IsAscii(std::string_view text);
size_t CountPoints(std::string_view text);
// The code point that starts at `offset`; `offset` moves behind it.
// REQUIRES: offset < text.size().
uint32_t NextPoint(std::string_view text, size_t& offset);
// The code point that ends before `offset`; `offset` moves to its start. REQUIRES: offset > 0.
uint32_t PreviousPoint(std::string_view text, size_t& offset);
void AppendPoint(std::string& out, uint32_t point);
// Byte offset of the code point number `index`, or the size when there are fewer.
size_t OffsetOfPoint(std::string_view text, size_t index);

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

}  // namespace glimmer::chat::jinja
