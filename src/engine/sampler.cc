#include "engine/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "engine/random.h"
#include "kernels/elementwise.h"

namespace glimmer::engine {
namespace {

using base::Result;
using base::Status;
using text::TokenId;

// The largest weight: as many of it as there can be ids fit into 63 bits.
constexpr uint64_t kUnit = kernels::kLogitWeightUnit;
static_assert(text::kMaxTokenId < (1 << 24));

struct Range {
  const char* field;
  double found, least, most;
};

// Also false for a NaN.
bool Holds(const Range& range) { return range.found >= range.least && range.found <= range.most; }

// Names the first logit that is no number.
Status CheckFinite(std::span<const float> logits, size_t row) {
  bool finite = true;
  for (const float x : logits) finite &= std::abs(x) <= std::numeric_limits<float>::max();
  if (finite) return {};
  const auto bad =
      std::find_if_not(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); });
  return base::Corrupt(fmt::format("the model's logits are not finite: {} at token id {} of row {}",
                                   *bad, bad - logits.begin(), row));
}

// How far down a list of weights, largest first, a filter keeps: everything above `weight`, and the
// first `equal` of those that equal it.
struct Cut {
  uint64_t weight;
  size_t equal;
};

// Weights in buckets that ascend with them: by the exponent and the next kBucketBits bits.
constexpr int kBucketBits = 6;
constexpr size_t kBuckets = (std::bit_width(kUnit) + 1) << kBucketBits;
size_t BucketOf(uint64_t weight) {
  constexpr uint64_t kFirst = std::bit_cast<uint64_t>(1.0);
  return (std::bit_cast<uint64_t>(static_cast<double>(weight)) - kFirst) >> (52 - kBucketBits);
}

// As CutAtSum: halves the range that holds the border, by selection, until one weight is left.
Cut CutByHalving(std::span<uint64_t> weights, uint64_t needed) {
  size_t begin = 0, end = weights.size();
  while (end - begin > 1) {
    const size_t middle = begin + (end - begin) / 2;
    std::nth_element(weights.begin() + begin, weights.begin() + middle, weights.begin() + end,
                     std::greater<>());
    const uint64_t upper =
        std::accumulate(weights.begin() + begin, weights.begin() + middle, uint64_t{0});
    if (upper >= needed) {
      end = middle;
    } else {
      needed -= upper;
      begin = middle;
    }
  }
  const auto kept = weights.first(begin + 1);
  return {weights[begin], static_cast<size_t>(std::count(kept.begin(), kept.end(), kept.back()))};
}

// Keeps the fewest largest weights whose sum reaches `needed`: sums of buckets tell which one holds
// the border. Linear in the number of weights, whose order changes.
// REQUIRES: weights from 1 to kUnit, 0 < needed <= their sum.
Cut CutAtSum(std::span<uint64_t> weights, uint64_t needed) {
  std::vector<uint64_t> sums(kBuckets);
  for (const uint64_t weight : weights) sums[BucketOf(weight)] += weight;
  size_t bucket = kBuckets - 1;
  for (; sums[bucket] < needed; --bucket) needed -= sums[bucket];
  const auto end = std::partition(weights.begin(), weights.end(),
                                  [&](uint64_t weight) { return BucketOf(weight) == bucket; });
  return CutByHalving({weights.begin(), end}, needed);
}

}  // namespace

Status SamplingOptions::Check() const {
  const Range ranges[] = {
      {"temperature", temperature, 0, kMaxTemperature},
      {"min_p", min_p, 0, 1},
      {"repetition_penalty", repetition_penalty, kLeastRepetitionPenalty, kMaxRepetitionPenalty},
      {"presence_penalty", presence_penalty, -kMaxAdditivePenalty, kMaxAdditivePenalty},
      {"frequency_penalty", frequency_penalty, -kMaxAdditivePenalty, kMaxAdditivePenalty},
  };
  if (!(top_p > 0 && top_p <= 1)) {
    return base::Invalid(
        fmt::format("top_p: expected a number above 0 and up to 1, found {}", top_p));
  }
  if (top_k < 0) {
    return base::Invalid(fmt::format("top_k: expected 0 (off) or a count, found {}", top_k));
  }
  for (const Range& range : ranges) {
    if (Holds(range)) continue;
    return base::Invalid(fmt::format("{}: expected a number from {} to {}, found {}", range.field,
                                     range.least, range.most, range.found));
  }
  return {};
}

Sampler::Sampler(const SamplingOptions& options, size_t vocabulary_limit)
    : options_(options), vocabulary_limit_(vocabulary_limit) {
  GLIMMER_CHECK(options.Check().ok());
  GLIMMER_CHECK(vocabulary_limit > 0);
}

Result<TokenId> Sampler::Next(std::span<float> logits, const TokenHistory& history) {
  GLIMMER_CHECK(logits.size() >= vocabulary_limit_);
  ApplyPenalties(logits, history);
  GLIMMER_TRY(CheckFinite(logits, history.answer.size()));
  const auto allowed = logits.first(vocabulary_limit_);
  const auto largest = std::max_element(allowed.begin(), allowed.end());
  if (options_.temperature < kGreedyTemperature) {
    return static_cast<TokenId>(largest - allowed.begin());
  }
  Weigh(allowed, *largest);
  KeepTopK();
  KeepTopP();
  KeepMinP();
  return Draw(history.answer.size());
}

void Sampler::ApplyPenalties(std::span<float> logits, const TokenHistory& history) {
  const bool repetition = options_.repetition_penalty != 1;
  const bool additive = options_.presence_penalty != 0 || options_.frequency_penalty != 0;
  if (!repetition && !additive) return;
  counts_.resize(logits.size());
  repeated_.resize(logits.size());
  const auto factor = static_cast<float>(options_.repetition_penalty);
  const auto presence = static_cast<float>(options_.presence_penalty);
  const auto frequency = static_cast<float>(options_.frequency_penalty);
  const auto repeat = [&](TokenId id) {
    const auto at = static_cast<size_t>(id);
    GLIMMER_CHECK(at < logits.size());
    if (repeated_[at] || !repetition) return;
    repeated_[at] = true;
    logits[at] = logits[at] > 0 ? logits[at] / factor : logits[at] * factor;
  };
  for (const TokenId id : history.prompt) repeat(id);
  for (const TokenId id : history.answer) {
    repeat(id);
    ++counts_[static_cast<size_t>(id)];
  }
  for (const TokenId id : history.answer) {
    const auto at = static_cast<size_t>(id);
    if (counts_[at] == 0) continue;  // done at its first occurrence
    logits[at] -= frequency * static_cast<float>(counts_[at]);
    logits[at] -= presence;
    counts_[at] = 0;
  }
  for (const TokenId id : history.prompt) repeated_[static_cast<size_t>(id)] = false;
  for (const TokenId id : history.answer) repeated_[static_cast<size_t>(id)] = false;
}

void Sampler::Weigh(std::span<const float> logits, float max) {
  const double inverse_temperature = 1 / options_.temperature;
  selection_.resize(logits.size());
  kernels::WeighLogits(logits, max, inverse_temperature, selection_);
  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i) {
    if (selection_[i] > 0) candidates_.push_back({static_cast<TokenId>(i), selection_[i]});
  }
}

uint64_t Sampler::SelectWeights() {
  selection_.clear();
  uint64_t sum = 0;
  for (const Candidate& c : candidates_) {
    selection_.push_back(c.weight);
    sum += c.weight;
  }
  return sum;
}

void Sampler::KeepTopK() {
  const auto k = static_cast<size_t>(options_.top_k);
  if (k == 0 || k >= candidates_.size()) return;
  SelectWeights();
  const auto kth = selection_.begin() + options_.top_k - 1;
  std::nth_element(selection_.begin(), kth, selection_.end(), std::greater<>());
  std::erase_if(candidates_, [&](const Candidate& c) { return c.weight < *kth; });
}

void Sampler::KeepTopP() {
  if (options_.top_p == 1) return;
  const uint64_t sum = SelectWeights();
  const double share = std::ceil(options_.top_p * static_cast<double>(sum));
  const uint64_t needed = std::clamp<uint64_t>(static_cast<uint64_t>(share), 1, sum);
  Cut cut = CutAtSum(selection_, needed);
  std::erase_if(candidates_, [&](const Candidate& c) {
    if (c.weight != cut.weight) return c.weight < cut.weight;
    if (cut.equal == 0) return true;
    --cut.equal;
    return false;
  });
}

void Sampler::KeepMinP() {
  // The likeliest token has passed every filter, so the largest weight is kUnit.
  const double least = options_.min_p * static_cast<double>(kUnit);
  std::erase_if(candidates_,
                [&](const Candidate& c) { return static_cast<double>(c.weight) < least; });
}

TokenId Sampler::Draw(uint64_t index) const {
  uint64_t sum = 0;
  for (const Candidate& c : candidates_) sum += c.weight;
  // floor(sum * bits / 2^64): each weight gets its share of the 2^64 values, to within one of them.
  using Wide = unsigned __int128;
  const auto point = static_cast<uint64_t>((Wide{RandomBits(options_.seed, index)} * sum) >> 64);
  uint64_t passed = 0;
  for (const Candidate& c : candidates_) {
    passed += c.weight;
    if (point < passed) return c.id;
  }
  GLIMMER_CHECK(!"point < sum");
  return candidates_.back().id;
}

}  // namespace glimmer::engine
