#include "text/merges.h"

#include <algorithm>
#include <bit>

namespace glimmer::text {

namespace {
constexpr size_t kFewestSlots = 256;
}  // namespace

void MergeTable::Reserve(size_t rules) {
  const size_t wanted = std::bit_ceil(std::max(kFewestSlots, rules + rules / 2));
  if (wanted <= slots_.size()) return;
  decltype(slots_) old(wanted);
  old.swap(slots_);
  mask_ = wanted - 1;
  shift_ = 64 - std::countr_zero(wanted);
  for (const Slot& slot : old) {
    if (slot.key == kFree) continue;
    size_t at = Home(slot.key);
    while (slots_[at].key != kFree) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

bool MergeTable::Add(TokenId left, TokenId right, Merge merge) {
  if (used_ + used_ / 2 >= slots_.size()) Reserve(std::max(kFewestSlots, used_ * 2));
  const uint64_t key = Key(left, right);
  size_t at = Home(key);
  for (; slots_[at].key != kFree; at = (at + 1) & mask_) {
    if (slots_[at].key == key) return false;
  }
  slots_[at] = {key, merge};
  ++used_;
  return true;
}

}  // namespace glimmer::text
