#include "text/vocabulary.h"

#include <cstring>

namespace glimmer::text {
namespace {

constexpr uint64_t kFirstPrime = 0x9e3779b97f4a7c15, kSecondPrime = 0xe7037ed1a0b428db;

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
  slots_.Reserve(tokens, [this](const Slot& slot) { return HashOfSlot(slot); });
}

void Vocabulary::Store(std::string_view bytes, TokenId id) {
  if (static_cast<size_t>(id) >= spans_.size()) spans_.resize(static_cast<size_t>(id) + 1);
  spans_[id] = {static_cast<uint32_t>(arena_.size()), static_cast<uint32_t>(bytes.size())};
  arena_ += bytes;
}

Vocabulary::Added Vocabulary::Add(std::string_view bytes, TokenId id) {
  if (Has(id)) return Added::kIdTaken;
  const uint64_t hash = HashOf(bytes);
  const Span span{static_cast<uint32_t>(arena_.size()), static_cast<uint32_t>(bytes.size())};
  const bool is_new =
      slots_.Add(hash, {id, static_cast<uint32_t>(hash), span}, StopsAt{*this, bytes, hash},
                 [this](const Slot& slot) { return HashOfSlot(slot); });
  if (!is_new) return Added::kTokenTaken;
  Store(bytes, id);
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
