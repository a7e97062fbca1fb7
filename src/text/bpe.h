// Byte-level byte pair encoding of one word: its bytes are the first symbols; again and again the
// neighbours whose rule has the lowest rank, the leftmost of equals, become one symbol.
// Threads: a Bpe is constant; each thread brings its own BpeScratch.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "text/merges.h"
#include "text/token.h"
#include "text/vocabulary.h"
#include "text/word_cache.h"

namespace glimmer::text {

struct BpeScratch {
  struct Link {
    TokenId id;
    int32_t previous, next;
  };
  struct Candidate {
    Merge merge;
    int32_t at;
  };
  WordCache<16, 15> short_words;
  WordCache<32, 13> long_words;
  PairCache pairs;
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

  // Appends the ids of one word. REQUIRES: not empty, valid UTF-8, at most 2^30 bytes.
  void AppendWord(std::string_view word, BpeScratch& scratch, std::vector<TokenId>& out) const {
    if (word.size() <= scratch.short_words.kLongestWord) {
      AppendCached(word, scratch.short_words, scratch, out);
    } else if (word.size() <= scratch.long_words.kLongestWord) {
      AppendCached(word, scratch.long_words, scratch, out);
    } else {
      AppendUncached(word, scratch, out);
    }
  }

 private:
  void AppendUncached(std::string_view word, BpeScratch& scratch, std::vector<TokenId>& out) const;
  template <typename Cache>
  void AppendCached(std::string_view word, Cache& cache, BpeScratch& scratch,
                    std::vector<TokenId>& out) const {
    const auto key = Cache::KeyOf(word);
    typename Cache::Entry& entry = cache.Place(key);
    if (entry.key == key) {
      out.insert(out.end(), entry.id.begin(), entry.id.begin() + entry.ids);
      return;
    }
    const size_t before = out.size();
    AppendUncached(word, scratch, out);
    const size_t added = out.size() - before;
    if (added > Cache::kMostIds) return;
    entry.key = key;
    entry.ids = static_cast<uint32_t>(added);
    std::copy(out.begin() + static_cast<ptrdiff_t>(before), out.end(), entry.id.begin());
  }
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
