// The byte alphabet of byte-level BPE: tokenizer.json writes each byte of a token as one visible
// character. Bytes 33..126, 161..172 and 174..255 stand for themselves (as U+0021..U+00FF), the
// other 68, in their order, are U+0100..U+0143: a space is "Ġ".
#pragma once

#include <string>
#include <string_view>

namespace glimmer::text {

// Appends the bytes that a token's spelling in tokenizer.json stands for and returns true; returns
// false, having appended an unspecified part, when it holds a character outside the alphabet.
// REQUIRES: valid UTF-8.
bool AppendAlphabetBytes(std::string_view spelling, std::string& bytes);

// What Hugging Face's ByteLevel decoder turns a token's spelling into: its bytes, or, outside the
// alphabet, the spelling itself.
std::string DecodedSpelling(std::string_view spelling);

}  // namespace glimmer::text
