// Small text work: quoting for messages, numbers as people read them, sizes as people write them,
// and glob patterns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace glimmer::base {

// The text in double quotes, cut behind 200 bytes; escaped are quotes, control characters and what
// is not UTF-8: safe to print whatever a hostile file put into it.
std::string Quoted(std::string_view text);

// ASCII letters alone.
std::string UpperCase(std::string text);

// 58459 -> "58,459".
std::string WithCommas(uint64_t value);
// Decimal units, as disks and the Hugging Face hub count: 441260000000 -> "441.26 GB".
std::string HumanBytes(uint64_t bytes);
// 93.7 -> "1 min 34 s".
std::string HumanSeconds(double seconds);

// "5GB", "512 MiB", "1e9", "4096": decimal KB MB GB TB, binary KiB MiB GiB TiB, or plain bytes.
// Errors: kInvalid, naming what was expected. Zero is refused.
Result<uint64_t> ParseBytes(std::string_view text);

// Shell-style pattern over the whole name: '*' any run of characters (dots included), '?' one
// character; everything else stands for itself. Linear in pattern times name.
bool GlobMatches(std::string_view pattern, std::string_view name);

}  // namespace glimmer::base
