#include "text/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace glimmer::text {
namespace {

constexpr uint64_t kFirstPrime = 0x9e3779b97f4a7c15, kSecondPrime = 0xe7037ed1a0b428db;
constexpr size_t kFewestSlots = 1024;

uint64_t Mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t Load(const char* at, size_t bytes) {
  uint64_t value = 0;
  std::memcpy(&value, at, bytes);
  return value;
}

}  // namespace

uint64_t HashOf(std::string_view bytes) {
  uint64_t hash = kFirstPrime ^ bytes.size();
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left > 16; left -= 16, at += 16) {
    hash = Mix(Load(at, 8) ^ hash, Load(at + 8, 8) ^ kSecondPrime);
  }
  uint64_t low = 0, high = 0;
  if (left >= 8) {
    low = Load(at, 8);
    high = Load(at + left - 8, 8);
  } else if (left >= 4) {
    low = Load(at, 4);
    high = Load(at + left - 4, 4);
  } else if (left > 0) {
    low = Load(at, 1) | Load(at + left / 2, 1) << 8 | Load(at + left - 1, 1) << 16;
  }
  return Mix(Mix(low ^ hash, high ^ kSecondPrime), kFirstPrime);
}

void Vocabulary::Reserve(size_t tokens, size_t bytes) {
  arena_.reserve(bytes);
  spans_.reserve(tokens);
  Grow(tokens);
}

void Vocabulary::Grow(size_t tokens) {
  const size_t wanted = std::bit_ceil(std::max(kFewestSlots, tokens + tokens / 2));
  if (wanted <= slots_.size()) return;
  decltype(slots_) old(wanted);
  old.swap(slots_);
  mask_ = wanted - 1;
  shift_ = 64 - std::countr_zero(wanted);
  for (const Slot& slot : old) {
    if (slot.id < 0) continue;
    size_t at = HashOf(Bytes(slot.id)) >> shift_;
    while (slots_[at].id >= 0) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

void Vocabulary::Store(std::string_view bytes, TokenId id) {
  if (static_cast<size_t>(id) >= spans_.size()) spans_.resize(static_cast<size_t>(id) + 1);
  spans_[id] = {static_cast<uint32_t>(arena_.size()), static_cast<uint32_t>(bytes.size())};
  arena_ += bytes;
}

Vocabulary::Added Vocabulary::Add(std::string_view bytes, TokenId id) {
  if (Has(id)) return Added::kIdTaken;
  if (used_ + used_ / 2 >= slots_.size()) Grow(std::max(kFewestSlots, used_ * 2));
  const uint64_t hash = HashOf(bytes);
  size_t at = hash >> shift_;
  for (; slots_[at].id >= 0; at = (at + 1) & mask_) {
    const bool same = slots_[at].tag == static_cast<uint32_t>(hash);
    if (same && Bytes(slots_[at].span) == bytes) return Added::kTokenTaken;
  }
  Store(bytes, id);
  slots_[at] = {id, static_cast<uint32_t>(hash), spans_[id]};
  ++used_;
  return Added::kYes;
}

Vocabulary::Added Vocabulary::AddForeign(std::string_view spelling, TokenId id) {
  if (Has(id)) return Added::kIdTaken;
  if (!foreign_.emplace(spelling, id).second) return Added::kTokenTaken;
  Store(spelling, id);
  return Added::kYes;
}

Vocabulary::Added Vocabulary::AddHidden(std::string_view bytes, TokenId id) {
  if (Has(id)) return Added::kIdTaken;
  Store(bytes, id);
  return Added::kYes;
}

bool Vocabulary::IsAmongForeign(TokenId id) const { return FindForeign(Bytes(id)) == id; }

TokenId Vocabulary::FindForeign(std::string_view spelling) const {
  const auto found = foreign_.find(std::string(spelling));
  return found == foreign_.end() ? -1 : found->second;
}

}  // namespace glimmer::text
