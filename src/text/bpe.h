// Byte-level byte pair encoding of one word: its bytes are the first symbols; again and again the
// neighbours whose rule has the lowest rank, the leftmost of equals, become one symbol.
// Threads: a Bpe is constant; each thread brings its own BpeScratch.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "text/merges.h"
#include "text/token.h"
#include "text/vocabulary.h"

namespace glimmer::text {

// Remembers the ids of short words: a fixed number of places, each word has one, the newer word
// takes it.
class WordCache {
 public:
  static constexpr size_t kLongestWord = 15;
  static constexpr size_t kMostIds = 11;

  struct Key {
    uint64_t low = 0, high = 0;  // the bytes; the last of the 16 is their number
    bool operator==(const Key&) const = default;
  };
  struct alignas(64) Entry {
    Key key;
    uint32_t ids = 0;
    std::array<TokenId, kMostIds> id{};
  };

  WordCache() : entries_(kEntries) {}
  // REQUIRES: 0 < word.size() <= kLongestWord.
  static Key KeyOf(std::string_view word);
  Entry& Place(const Key& key) {
    const uint64_t mixed = (key.low ^ (key.high * 0xe7037ed1a0b428db)) * 0x9e3779b97f4a7c15;
    return entries_[(mixed ^ mixed >> 32) * 0x9e3779b97f4a7c15 >> kShift];
  }

 private:
  static constexpr size_t kEntries = 1 << 15;
  static constexpr int kShift = 64 - 15;
  std::vector<Entry> entries_;
};

struct BpeScratch {
  struct Link {
    TokenId id;
    int32_t previous, next;
  };
  struct Candidate {
    Merge merge;
    int32_t at;
  };
  WordCache cache;
  std::vector<TokenId> ids;
  std::vector<Merge> merges;
  std::vector<Link> links;
  std::vector<Candidate> heap;
};

class Bpe {
 public:
  enum class WholeWords { kByMerging, kFirst };  // kFirst: `ignore_merges`

  // `byte_ids`: the token of each byte, -1 for bytes that no UTF-8 text holds.
  // Every rule's tokens stand in the vocabulary.
  Bpe(std::shared_ptr<const Vocabulary> vocabulary, MergeTable merges,
      const std::array<TokenId, 256>& byte_ids, WholeWords whole_words);

  // Appends the ids of one word. REQUIRES: not empty, valid UTF-8, at most kMaxWordBytes.
  void AppendWord(std::string_view word, BpeScratch& scratch, std::vector<TokenId>& out) const {
    if (word.size() > WordCache::kLongestWord) return AppendUncached(word, scratch, out);
    const WordCache::Key key = WordCache::KeyOf(word);
    WordCache::Entry& entry = scratch.cache.Place(key);
    if (entry.key == key) {
      out.insert(out.end(), entry.id.begin(), entry.id.begin() + entry.ids);
      return;
    }
    AppendAndRemember(word, key, entry, scratch, out);
  }

  static constexpr size_t kMaxWordBytes = size_t{1} << 30;

 private:
  void AppendUncached(std::string_view word, BpeScratch& scratch, std::vector<TokenId>& out) const;
  void AppendAndRemember(std::string_view word, const WordCache::Key& key, WordCache::Entry& entry,
                         BpeScratch& scratch, std::vector<TokenId>& out) const;
  void AppendShort(std::string_view word, BpeScratch& scratch, std::vector<TokenId>& out) const;
  void AppendLong(std::string_view word, BpeScratch& scratch, std::vector<TokenId>& out) const;
  Merge FindBytePair(char left, char right) const {
    return byte_pairs_[static_cast<unsigned char>(left) << 8 | static_cast<unsigned char>(right)];
  }

  std::shared_ptr<const Vocabulary> vocabulary_;
  MergeTable merges_;
  std::array<TokenId, 256> byte_ids_;
  std::vector<Merge> byte_pairs_;  // the rules of two single bytes
  WholeWords whole_words_;
};

}  // namespace glimmer::text
