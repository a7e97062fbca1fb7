// Lines that give no sample, counted by reason. The first of each reason is kept for the report.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/line_reader.h"

namespace glimmer::data {

enum class SkipReason {
  kNotUtf8,    // bytes of another encoding, or no text at all
  kNotJson,    // JSON that does not parse, or parses twice: a key that stands twice
  kNotObject,  // JSON that is no object
  kNoField,    // none of the fields that a sample is made of
  kWrongType,  // such a field with another type than its meaning needs
  kRefused,    // the chat template or the tokenizer refused the text
  kNoTokens,   // nothing in it: no text, or text that gives no token
};
// "not UTF-8", "no JSON", …
std::string_view NameOf(SkipReason reason);

struct Skip {
  SkipReason reason;
  std::string problem;  // "messages[1].content: expected a text, found 3"
};

struct SkippedLines {
  SkipReason reason;
  uint64_t count = 0;
  uint64_t first_line = 0;      // its number, from 1
  std::string first_problem{};  // what was wrong with it
  std::string first_text{};     // its beginning in quotes, safe to print
};

// Counts the line under its reason.
void AddSkip(const Line& line, Skip skip, std::vector<SkippedLines>& skipped);

uint64_t CountSkipped(const std::vector<SkippedLines>& skipped);
// "12 lines not UTF-8 (line 3: invalid at byte 4, in "…"), 1 line without a field …".
std::string Described(const std::vector<SkippedLines>& skipped);

// Bytes that are no UTF-8, or that no text has (U+0000), as a reason to skip the line.
std::optional<Skip> EncodingProblem(std::string_view line);

}  // namespace glimmer::data
