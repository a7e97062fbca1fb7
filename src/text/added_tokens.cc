#include "text/added_tokens.h"

#include <algorithm>

#include "unicode/properties.h"
#include "unicode/utf8.h"

namespace glimmer::text {
namespace {

using unicode::CodePoint;
using unicode::DecodeAt;
using unicode::DecodeLast;
using unicode::kWhiteSpaceBit;
using unicode::kWordBit;
using unicode::Properties;

bool IsWordAt(std::string_view text, size_t at) {
  return at < text.size() && (Properties()[DecodeAt(text.data() + at).value] & kWordBit) != 0;
}

bool IsWordBefore(std::string_view text, size_t at) {
  return at > 0 && (Properties()[DecodeLast(text.substr(0, at)).value] & kWordBit) != 0;
}

}  // namespace

AddedTokenFinder::AddedTokenFinder() : nodes_(1) { roots_.fill(-1); }

int32_t AddedTokenFinder::Child(int32_t node, char byte) const {
  int32_t child = nodes_[node].child;
  while (child >= 0 && nodes_[child].byte != byte) child = nodes_[child].sibling;
  return child;
}

void AddedTokenFinder::Add(std::string_view content, int32_t index) {
  int32_t node = 0;
  for (const char byte : content) {
    int32_t child = Child(node, byte);
    if (child < 0) {
      child = static_cast<int32_t>(nodes_.size());
      nodes_.push_back({-1, -1, nodes_[node].child, byte});
      nodes_[node].child = child;
    }
    node = child;
  }
  if (nodes_[node].index < 0) nodes_[node].index = index;
  const char first = content[0];
  roots_[static_cast<unsigned char>(first)] = Child(0, first);
}

std::optional<AddedTokenFinder::Match> AddedTokenFinder::Find(std::string_view text,
                                                              size_t from) const {
  if (empty()) return std::nullopt;
  for (size_t begin = from; begin < text.size(); ++begin) {
    int32_t node = roots_[static_cast<unsigned char>(text[begin])];
    if (node < 0) continue;
    std::optional<Match> longest;
    for (size_t end = begin + 1; node >= 0; ++end) {
      if (nodes_[node].index >= 0) longest = Match{begin, end, nodes_[node].index};
      node = end < text.size() ? Child(node, text[end]) : -1;
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

std::optional<AddedTokenFinder::Match> Applied(const AddedToken& token,
                                               const AddedTokenFinder::Match& match,
                                               std::string_view text, size_t from,
                                               SpaceRun& spaces) {
  AddedTokenFinder::Match out = match;
  if (token.single_word && (IsWordBefore(text, match.begin) || IsWordAt(text, match.end))) {
    return std::nullopt;
  }
  const auto is_space = [](CodePoint point) {
    return (Properties()[point.value] & kWhiteSpaceBit) != 0;
  };
  while (token.lstrip && out.begin > from) {
    const CodePoint point = DecodeLast(text.substr(0, out.begin));
    if (!is_space(point)) break;
    out.begin -= point.bytes;
  }
  if (!token.rstrip) return out;
  if (out.end < spaces.begin || out.end > spaces.end) {
    spaces = {out.end, out.end};
    while (spaces.end < text.size()) {
      const CodePoint point = DecodeAt(text.data() + spaces.end);
      if (!is_space(point)) break;
      spaces.end += point.bytes;
    }
  }
  out.end = spaces.end;
  return out;
}

}  // namespace glimmer::text
