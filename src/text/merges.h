// The merge rules of byte pair encoding: which neighbours become one token, and which first.
#pragma once

#include <cstdint>
#include <vector>

#include "text/huge_pages.h"
#include "text/token.h"

namespace glimmer::text {

// A rule's rank (lower goes first) above the token it makes; all ones when there is no rule, so
// that the least value of several is the rule to apply.
using Merge = uint64_t;
constexpr Merge kNoMerge = UINT64_MAX;
constexpr Merge MakeMerge(uint32_t rank, TokenId made) {
  return uint64_t{rank} << 32 | static_cast<uint32_t>(made);
}
constexpr TokenId MadeBy(Merge merge) { return static_cast<TokenId>(merge & 0xffffffff); }

// Rules by their pair of tokens. Built once, then safe to read from several threads.
class MergeTable {
 public:
  void Reserve(size_t rules);
  // False, changing nothing, when the pair has a rule already.
  bool Add(TokenId left, TokenId right, Merge merge);

  Merge Find(TokenId left, TokenId right) const {
    if (slots_.empty()) return kNoMerge;
    const uint64_t key = Key(left, right);
    for (size_t at = Home(key);; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.key == key) return slot.merge;
      if (slot.key == kFree) return kNoMerge;
    }
  }
  // Starts loading what Find and Add of this pair will read.
  void Prefetch(TokenId left, TokenId right) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[Home(Key(left, right))]);
  }
  size_t Size() const { return used_; }

 private:
  static constexpr uint64_t kFree = UINT64_MAX;
  struct Slot {
    uint64_t key = kFree;
    Merge merge = kNoMerge;
  };
  static uint64_t Key(TokenId left, TokenId right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }
  size_t Home(uint64_t key) const {
    const uint64_t mixed = key * 0x9e3779b97f4a7c15;
    return ((mixed ^ mixed >> 32) * 0xe7037ed1a0b428db) >> shift_;
  }

  std::vector<Slot, HugePageAllocator<Slot>> slots_;
  size_t used_ = 0;
  size_t mask_ = 0;
  int shift_ = 0;
};

}  // namespace glimmer::text
