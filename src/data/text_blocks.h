// A plain text in blocks that can be encoded one by one: cut in front of a line that is not blank
// and does not begin with white space, where tokenizers begin a new word. Private to data/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "data/line_reader.h"

namespace glimmer::data {

// A block holds at least this much, but for the last one.
constexpr size_t kTextBlockBytes = size_t{64} << 10;

class TextBlocks {
 public:
  // Whether the block is complete: to be taken, before the line is added.
  bool EndsBefore(std::string_view line) const;
  // The line and a line feed.
  void Add(std::string_view line);
  // What was added since the last call.
  std::string Take() { return std::exchange(block_, {}); }

 private:
  std::string block_;
};

}  // namespace glimmer::data
