#include "eval/acceptance.h"

#include <algorithm>

#include "base/check.h"

namespace glimmer::eval {

Acceptance::Acceptance(size_t depth) : accepted_(depth, 0) { GLIMMER_CHECK(depth > 0); }

void Acceptance::Add(std::span<const text::TokenId> drafts, std::span<const text::TokenId> greedy) {
  GLIMMER_CHECK(drafts.size() == accepted_.size() && greedy.size() == accepted_.size());
  const auto first_difference = std::mismatch(drafts.begin(), drafts.end(), greedy.begin()).first;
  const auto length = static_cast<size_t>(first_difference - drafts.begin());
  for (size_t j = 0; j < length; ++j) ++accepted_[j];
  length_.Add(static_cast<double>(length));
}

AcceptanceReport Acceptance::Report() const {
  AcceptanceReport report;
  report.chains = length_.count();
  for (const size_t chains : accepted_) report.accepted.push_back(ShareOf(chains, report.chains));
  report.accepted_length = length_.Get();
  return report;
}

}  // namespace glimmer::eval
