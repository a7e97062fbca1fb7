#include "text/bpe.h"

#include <algorithm>

namespace glimmer::text {
namespace {

// Up to here, looking at all pairs for each merge is faster than keeping them ordered.
constexpr size_t kShortWord = 96;

struct Later {
  bool operator()(const BpeScratch::Candidate& a, const BpeScratch::Candidate& b) const {
    return a.merge != b.merge ? a.merge > b.merge : a.at > b.at;
  }
};

}  // namespace

Bpe::Bpe(std::shared_ptr<const Vocabulary> vocabulary, MergeTable merges,
         const std::array<TokenId, 256>& byte_ids, WholeWords whole_words)
    : vocabulary_(std::move(vocabulary)),
      merges_(std::move(merges)),
      byte_ids_(byte_ids),
      byte_pairs_(1 << 16, kNoMerge),
      whole_words_(whole_words) {
  for (size_t pair = 0; pair < byte_pairs_.size(); ++pair) {
    const TokenId left = byte_ids_[pair >> 8], right = byte_ids_[pair & 0xff];
    if (left >= 0 && right >= 0) byte_pairs_[pair] = merges_.Find(left, right);
  }
}

void Bpe::AppendUncached(std::string_view word, BpeScratch& scratch,
                         std::vector<TokenId>& out) const {
  if (whole_words_ == WholeWords::kFirst) {
    if (const TokenId id = vocabulary_->Find(word); id >= 0) {
      out.push_back(id);
      return;
    }
  }
  if (word.size() == 1) {
    out.push_back(byte_ids_[static_cast<unsigned char>(word[0])]);
  } else if (word.size() <= kShortWord) {
    AppendShort(word, scratch, out);
  } else {
    AppendLong(word, scratch, out);
  }
}

void Bpe::AppendShort(std::string_view word, BpeScratch& scratch, std::vector<TokenId>& out) const {
  std::array<TokenId, kShortWord> ids;
  std::array<Merge, kShortWord> merges;  // merges[i]: the rule of ids[i] and ids[i + 1]
  size_t count = word.size();
  for (size_t i = 0; i < count; ++i) ids[i] = byte_ids_[static_cast<unsigned char>(word[i])];
  for (size_t i = 0; i + 1 < count; ++i) merges[i] = FindBytePair(word[i], word[i + 1]);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) best = merges[i] < merges[best] ? i : best;
    if (merges[best] == kNoMerge) break;
    ids[best] = MadeBy(merges[best]);
    std::copy(ids.begin() + best + 2, ids.begin() + count, ids.begin() + best + 1);
    std::copy(merges.begin() + best + 1, merges.begin() + count - 1, merges.begin() + best);
    --count;
    if (best + 1 < count) merges[best] = scratch.pairs.Find(merges_, ids[best], ids[best + 1]);
    if (best > 0) merges[best - 1] = scratch.pairs.Find(merges_, ids[best - 1], ids[best]);
  }
  out.insert(out.end(), ids.begin(), ids.begin() + count);
}

void Bpe::AppendLong(std::string_view word, BpeScratch& scratch, std::vector<TokenId>& out) const {
  const auto count = static_cast<int32_t>(word.size());
  std::vector<BpeScratch::Link>& links = scratch.links;
  std::vector<BpeScratch::Candidate>& heap = scratch.heap;
  links.resize(word.size());
  heap.clear();
  for (int32_t i = 0; i < count; ++i) {
    links[i] = {byte_ids_[static_cast<unsigned char>(word[i])], i - 1, i + 1 < count ? i + 1 : -1};
    const Merge merge = i + 1 < count ? FindBytePair(word[i], word[i + 1]) : kNoMerge;
    if (merge != kNoMerge) heap.push_back({merge, i});
  }
  std::make_heap(heap.begin(), heap.end(), Later());
  const auto offer = [&](int32_t left) {
    if (left < 0 || links[left].next < 0) return;
    const Merge merge = scratch.pairs.Find(merges_, links[left].id, links[links[left].next].id);
    if (merge == kNoMerge) return;
    heap.push_back({merge, left});
    std::push_heap(heap.begin(), heap.end(), Later());
  };
  while (!heap.empty()) {
    const BpeScratch::Candidate top = heap.front();
    std::pop_heap(heap.begin(), heap.end(), Later());
    heap.pop_back();
    BpeScratch::Link& link = links[top.at];
    const bool gone = link.id < 0 || link.next < 0;
    if (gone || scratch.pairs.Find(merges_, link.id, links[link.next].id) != top.merge) continue;
    link.id = MadeBy(top.merge);
    BpeScratch::Link& swallowed = links[link.next];
    swallowed.id = -1;
    link.next = swallowed.next;
    if (link.next >= 0) links[link.next].previous = top.at;
    offer(link.previous);
    offer(top.at);
  }
  for (int32_t i = 0; i >= 0; i = links[i].next) out.push_back(links[i].id);
}

}  // namespace glimmer::text
