// What an encoding remembers of its work: the ids of words, and the merges of pairs of tokens.
// Both have a fixed number of places; each word or pair has one, and the newer takes it.
// Threads: each encoding has its own.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/huge_pages.h"
#include "text/merges.h"
#include "text/token.h"

namespace glimmer::text {

constexpr uint64_t kCacheFirstFactor = 0x9e3779b97f4a7c15, kCacheSecondFactor = 0xe7037ed1a0b428db;

// Words shorter than kKeyBytes; 1 << kLogEntries places of 64 bytes.
template <size_t kKeyBytes, int kLogEntries>
class WordCache {
 public:
  static constexpr size_t kLongestWord = kKeyBytes - 1;
  static constexpr size_t kMostIds = (64 - kKeyBytes) / sizeof(TokenId) - 1;

  // The word's bytes, then zeros; its length in the last byte.
  using Key = std::array<uint64_t, kKeyBytes / sizeof(uint64_t)>;
  struct alignas(64) Entry {
    Key key{};
    uint32_t ids = 0;
    std::array<TokenId, kMostIds> id{};
  };

  WordCache() : entries_(size_t{1} << kLogEntries) {}

  // REQUIRES: 0 < word.size() <= kLongestWord.
  static Key KeyOf(std::string_view word) {
    std::array<char, kKeyBytes> bytes{};
    std::memcpy(bytes.data(), word.data(), word.size());
    bytes.back() = static_cast<char>(word.size());
    Key key;
    std::memcpy(key.data(), bytes.data(), kKeyBytes);
    return key;
  }
  Entry& Place(const Key& key) {
    uint64_t mixed = 0;
    for (const uint64_t part : key) {
      mixed = (mixed ^ part) * kCacheFirstFactor;
      mixed ^= mixed >> 32;
    }
    return entries_[mixed * kCacheSecondFactor >> (64 - kLogEntries)];
  }

 private:
  std::vector<Entry, base::HugePageAllocator<Entry>> entries_;
};

class PairCache {
 public:
  PairCache() : entries_(size_t{1} << kLogEntries) {}

  // What `table` has for the pair.
  Merge Find(const MergeTable& table, TokenId left, TokenId right) {
    const uint64_t key = uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
    const uint64_t mixed = key * kCacheFirstFactor;
    Entry& entry = entries_[(mixed ^ mixed >> 32) * kCacheSecondFactor >> (64 - kLogEntries)];
    if (entry.key != key) entry = {key, table.Find(left, right)};
    return entry.merge;
  }

 private:
  static constexpr int kLogEntries = 14;
  struct Entry {
    uint64_t key = UINT64_MAX;
    Merge merge = kNoMerge;
  };
  std::vector<Entry> entries_;
};

}  // namespace glimmer::text
