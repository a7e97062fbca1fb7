// Tokens by id and by bytes. Built once, then constant and safe to use from several threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/slot_table.h"
#include "text/token.h"

namespace glimmer::text {

// A quick hash of a short text.
uint64_t HashOf(std::string_view bytes);

class Vocabulary {
 public:
  void Reserve(size_t tokens, size_t bytes);

  enum class Added { kYes, kIdTaken, kTokenTaken };
  // `bytes`: what the token stands for. REQUIRES: 0 <= id <= kMaxTokenId;
  // all bytes together are fewer than 2^32.
  Added Add(std::string_view bytes, TokenId id);
  // A token with characters outside the byte alphabet: no text yields it, only its id and its
  // spelling are known.
  Added AddForeign(std::string_view spelling, TokenId id);
  // A token that only its id finds.
  Added AddHidden(std::string_view bytes, TokenId id);

  // -1 when there is none.
  TokenId Find(std::string_view bytes) const { return Find(bytes, HashOf(bytes)); }
  // The same with the hash at hand. REQUIRES: hash == HashOf(bytes).
  TokenId Find(std::string_view bytes, uint64_t hash) const {
    return slots_.empty() ? -1 : slots_.First(hash, StopsAt{*this, bytes, hash}).id;
  }
  // Starts loading what Find with this hash will read.
  void Prefetch(uint64_t hash) const { slots_.Prefetch(hash); }
  TokenId FindForeign(std::string_view spelling) const;
  // REQUIRES: Has(id).
  bool IsForeign(TokenId id) const { return !foreign_.empty() && IsAmongForeign(id); }

  bool Has(TokenId id) const {
    return id >= 0 && static_cast<size_t>(id) < spans_.size() && spans_[id].begin != kHole;
  }
  // REQUIRES: Has(id).
  std::string_view Bytes(TokenId id) const { return Bytes(spans_[id]); }
  // Highest id + 1.
  size_t Size() const { return spans_.size(); }

 private:
  static constexpr uint32_t kHole = UINT32_MAX;
  struct Span {
    uint32_t begin = kHole;
    uint32_t bytes = 0;
  };
  struct Slot {
    TokenId id = -1;
    uint32_t tag = 0;
    Span span;
    bool IsFree() const { return id < 0; }
  };
  struct StopsAt {
    const Vocabulary& vocabulary;
    std::string_view bytes;
    uint64_t hash;
    bool operator()(const Slot& slot) const {
      return slot.IsFree() ||
             (slot.tag == static_cast<uint32_t>(hash) && vocabulary.Bytes(slot.span) == bytes);
    }
  };
  std::string_view Bytes(Span span) const { return {arena_.data() + span.begin, span.bytes}; }
  uint64_t HashOfSlot(const Slot& slot) const { return HashOf(Bytes(slot.span)); }
  void Store(std::string_view bytes, TokenId id);
  bool IsAmongForeign(TokenId id) const;

  std::string arena_;
  std::vector<Span> spans_;
  SlotTable<Slot> slots_;
  std::unordered_map<std::string, TokenId> foreign_;
};

}  // namespace glimmer::text
