// The normal form NFC.
// Threads: may be called from several threads; the tables are built on first use.
#pragma once

#include <string>
#include <string_view>

namespace glimmer::unicode {

// Normal form C. Returns false, leaving `out` alone, when `utf8` is in that form already, which a
// quick look finds for most text. REQUIRES: valid UTF-8.
bool NormalizeNfc(std::string_view utf8, std::string& out);

}  // namespace glimmer::unicode
