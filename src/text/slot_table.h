// A hash table of small slots that stand in one array (open addressing, linear probing): what the
// merge rules and the vocabulary are found in. Built once, then safe to read from several threads.
//
// A Slot is small and copyable; one made by default is free, and Slot::IsFree() says so. The
// caller brings the hashes, of which the highest bits must be good, and says how to take one from
// a slot again (`hash_of(slot)`) when the table grows.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/huge_pages.h"

namespace glimmer::text {

template <typename Slot>
class SlotTable {
 public:
  bool empty() const { return slots_.empty(); }
  size_t Size() const { return used_; }

  // The first slot on the way of this hash for which `stops(slot)`, which must be true for free
  // ones. REQUIRES: !empty().
  template <typename Stops>
  const Slot& First(uint64_t hash, const Stops& stops) const {
    size_t at = hash >> shift_;
    while (!stops(slots_[at])) at = (at + 1) & mask_;
    return slots_[at];
  }
  // Starts loading what First and Add with this hash will read.
  void Prefetch(uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash >> shift_]);
  }

  // Makes room for so many slots in all.
  template <typename HashOf>
  void Reserve(size_t slots, const HashOf& hash_of) {
    const size_t wanted = std::bit_ceil(std::max(kFewestSlots, slots + slots / 2));
    if (wanted <= slots_.size()) return;
    decltype(slots_) old(wanted);
    old.swap(slots_);
    mask_ = wanted - 1;
    shift_ = 64 - std::countr_zero(wanted);
    for (const Slot& slot : old) {
      if (!slot.IsFree()) Place(hash_of(slot), [](const Slot& s) { return s.IsFree(); }) = slot;
    }
  }

  // False, changing nothing, when the first slot for which `stops` is not free.
  template <typename Stops, typename HashOf>
  bool Add(uint64_t hash, const Slot& slot, const Stops& stops, const HashOf& hash_of) {
    if (used_ + used_ / 2 >= slots_.size()) Reserve(std::max(kFewestSlots, used_ * 2), hash_of);
    Slot& place = Place(hash, stops);
    if (!place.IsFree()) return false;
    place = slot;
    ++used_;
    return true;
  }

 private:
  static constexpr size_t kFewestSlots = 256;

  template <typename Stops>
  Slot& Place(uint64_t hash, const Stops& stops) {
    return const_cast<Slot&>(First(hash, stops));
  }

  std::vector<Slot, base::HugePageAllocator<Slot>> slots_;
  size_t used_ = 0;
  size_t mask_ = 0;
  int shift_ = 0;
};

}  // namespace glimmer::text
