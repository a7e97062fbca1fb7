// The merge rules of byte pair encoding: which neighbours become one token, and which first.
#pragma once

#include <cstdint>

#include "text/slot_table.h"
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
  void Reserve(size_t rules) { slots_.Reserve(rules, HashOfSlot); }
  // False, changing nothing, when the pair has a rule already.
  bool Add(TokenId left, TokenId right, Merge merge) {
    const uint64_t key = Key(left, right);
    return slots_.Add(Hash(key), {key, merge}, StopsAt{key}, HashOfSlot);
  }

  Merge Find(TokenId left, TokenId right) const {
    if (slots_.empty()) return kNoMerge;
    const uint64_t key = Key(left, right);
    return slots_.First(Hash(key), StopsAt{key}).merge;
  }
  // Starts loading what Find and Add of this pair will read.
  void Prefetch(TokenId left, TokenId right) const { slots_.Prefetch(Hash(Key(left, right))); }
  size_t Size() const { return slots_.Size(); }

 private:
  static constexpr uint64_t kFree = UINT64_MAX;
  struct Slot {
    uint64_t key = kFree;
    Merge merge = kNoMerge;
    bool IsFree() const { return key == kFree; }
  };
  struct StopsAt {
    uint64_t key;
    bool operator()(const Slot& slot) const { return slot.key == key || slot.IsFree(); }
  };
  static uint64_t Key(TokenId left, TokenId right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }
  static uint64_t Hash(uint64_t key) {
    const uint64_t mixed = key * 0x9e3779b97f4a7c15;
    return (mixed ^ mixed >> 32) * 0xe7037ed1a0b428db;
  }
  static uint64_t HashOfSlot(const Slot& slot) { return Hash(slot.key); }

  SlotTable<Slot> slots_;
};

}  // namespace glimmer::text
