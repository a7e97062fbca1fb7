#include "kernels/top_k.h"

#include <array>
#include <bit>
#include <numeric>

#include "kernels/dispatch.h"

namespace glimmer::kernels {
namespace {

// The k-th largest score, found from its highest bits down.
class KthLargest {
 public:
  // REQUIRES: 0 < k <= scores.size().
  KthLargest(const AttentionTable& table, std::span<const float> scores, size_t k) : left_(k) {
    static_assert(2 * kMaxBucketBits < 32 && 32 <= 3 * kMaxBucketBits);
    constexpr unsigned kFirst = kMaxBucketBits, kLast = 32 - 2 * kMaxBucketBits;
    Narrow(table, scores, 32 - kFirst, kFirst);
    Narrow(table, scores, kLast, kFirst);
    Narrow(table, scores, 0, kLast);
  }

  float value() const {
    constexpr uint32_t kSign = 0x80000000;
    return std::bit_cast<float>((order_ & kSign) != 0 ? order_ ^ kSign : ~order_);
  }
  // How many of the k largest equal it.
  size_t equal() const { return left_; }

 private:
  // Finds the next `bits` bits of the order.
  void Narrow(const AttentionTable& table, std::span<const float> scores, unsigned shift,
              unsigned bits) {
    std::array<uint32_t, 1 << kMaxBucketBits> counts{};
    table.count_buckets({scores.data(), scores.size(), shift, bits, order_, counts.data()});
    uint32_t bucket = (1u << bits) - 1;
    for (; counts[bucket] < left_; --bucket) left_ -= counts[bucket];
    order_ = order_ << bits | bucket;
  }

  uint32_t order_ = 0;  // the bits known so far
  size_t left_;         // of the k largest, those that begin with these bits
};

}  // namespace

std::vector<uint32_t> TopKOn(Isa isa, std::span<const float> scores, size_t k) {
  std::vector<uint32_t> chosen;
  if (k == 0) return chosen;
  if (k >= scores.size()) {
    chosen.resize(scores.size());
    std::iota(chosen.begin(), chosen.end(), 0u);
    return chosen;
  }
  const AttentionTable& table = *TableOf(isa).attention;
  const KthLargest least(table, scores, k);
  chosen.resize(k);
  table.list_chosen(scores.data(), scores.size(), least.value(), least.equal(), chosen.data());
  return chosen;
}

std::vector<uint32_t> TopK(std::span<const float> scores, size_t k) {
  return TopKOn(ActiveIsa(), scores, k);
}

}  // namespace glimmer::kernels
