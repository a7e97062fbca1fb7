// What a Tokenizer holds. Internal to src/text.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_parts.h"
#include "text/vocabulary.h"

namespace glimmer::text {

// Scratch memory of encodings that have ended, for the next ones. Safe on several threads.
class ScratchPool {
 public:
  std::unique_ptr<BpeScratch> Take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<BpeScratch>();
    std::unique_ptr<BpeScratch> taken = std::move(idle_.back());
    idle_.pop_back();
    return taken;
  }
  void GiveBack(std::unique_ptr<BpeScratch> scratch) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kMostIdle) idle_.push_back(std::move(scratch));
  }

 private:
  static constexpr size_t kMostIdle = 64;
  std::mutex mutex_;
  std::vector<std::unique_ptr<BpeScratch>> idle_;
};

struct TokenizerState {
  std::shared_ptr<const Vocabulary> vocabulary;
  std::unique_ptr<Bpe> bpe;
  std::optional<PreTokenizer> pre_tokenizer;
  Normalization normalization = Normalization::kNone;
  Template special;
  std::vector<AddedToken> added;  // by id
  std::unordered_map<std::string, TokenId> added_ids;
  std::unordered_set<TokenId> special_ids;
  AddedTokenFinder in_raw_text, in_normalized_text;
  mutable ScratchPool scratches;
};

}  // namespace glimmer::text
