#include "data/text_blocks.h"

namespace glimmer::data {

bool TextBlocks::EndsBefore(std::string_view line) const {
  if (block_.size() < kTextBlockBytes) return false;
  if (block_.size() + line.size() > kMaxLineBytes) return true;
  return !line.empty() && std::string_view(" \t\v\f").find(line[0]) == std::string_view::npos;
}

void TextBlocks::Add(std::string_view line) {
  block_ += line;
  block_ += '\n';
}

}  // namespace glimmer::data
