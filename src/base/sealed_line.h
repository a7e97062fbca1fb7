// Lines of a record that must survive kills and bad disks: each is a JSON object whose last member
// is the SHA-256 of the line without that member, so that a flipped byte is noticed. With the seal
// of the line before it in the hash, a line that is lost or stands elsewhere is noticed as well.
//
//   {"layers_done": 1, "sha256": "…64 digits"}
//
// Source: docs/formats.md#sealed-lines, which says how another program makes and checks a seal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace glimmer::base {

struct SealedLine {
  JsonObject object;  // without the seal
  std::string seal;
};

// The object as one line with its seal and a line break. `before`: the seal of the line before it,
// where lines are chained. REQUIRES: the object has a member, and none called "sha256".
std::string Seal(const JsonObject& object, std::string_view before = {});

// The line, without its line break, when it is whole and has the seal that belongs to it.
std::optional<SealedLine> OpenSealed(std::string_view line, std::string_view before = {});

// The seal of a line that Seal() made.
std::string SealOf(std::string_view line);

}  // namespace glimmer::base
