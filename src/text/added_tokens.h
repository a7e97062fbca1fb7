// Finds added tokens in text: the leftmost first, of those that begin there the longest.
// Built once, then constant and safe to use from several threads.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/token.h"

namespace glimmer::text {

constexpr size_t kMaxAddedTokenBytes = 1024;
constexpr size_t kMaxAddedTokens = 1 << 20;

class AddedTokenFinder {
 public:
  AddedTokenFinder();

  // `index` is what matches give back. The first of equal contents counts.
  // REQUIRES: content not empty.
  void Add(std::string_view content, int32_t index);
  bool empty() const { return nodes_.size() == 1; }

  struct Match {
    size_t begin, end;
    int32_t index;
  };
  // The first match at or after `from`.
  std::optional<Match> Find(std::string_view text, size_t from) const;

 private:
  struct Node {
    int32_t index = -1;  // of the content that ends here
    int32_t child = -1;  // first of a list
    int32_t sibling = -1;
    char byte = 0;
  };
  int32_t Child(int32_t node, char byte) const;

  std::vector<Node> nodes_;
  std::array<int32_t, 256> roots_;  // node of each first byte
};

// A run of white space that was walked through, so that tokens inside it need not walk it again.
struct SpaceRun {
  size_t begin = 0, end = 0;
};

// The part of `text` that a match stands for once the token's single_word, lstrip and rstrip are
// applied, or nothing when it does not count. White space before `from` is not taken.
// `spaces` is kept from one match in this text to the next.
std::optional<AddedTokenFinder::Match> Applied(const AddedToken& token,
                                               const AddedTokenFinder::Match& match,
                                               std::string_view text, size_t from,
                                               SpaceRun& spaces);

}  // namespace glimmer::text
