// How many drafts of an MTP chain a greedy model accepts. A chain drafts `depth` tokens behind some
// point of a text; draft j is accepted if drafts 1 to j all equal the model's own greedy
// continuation from that point, since the first difference ends a chain.
// Source: docs/evaluation.md#acceptance.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "eval/mean_estimate.h"
#include "text/token.h"

namespace glimmer::eval {

struct AcceptanceReport {
  size_t chains = 0;
  std::vector<Measured> accepted;  // [depth] share of chains whose drafts 1 to j are accepted
  Measured accepted_length;        // drafts accepted of a chain, mean
  // What one step of the main model yields: the accepted drafts and its own next token.
  double tokens_per_step() const { return accepted_length.value + 1; }
};

class Acceptance {
 public:
  // REQUIRES: depth > 0.
  explicit Acceptance(size_t depth);

  // One chain: `drafts` [depth] and `greedy` [depth], the model's continuation at the same places.
  // REQUIRES: both have this length.
  void Add(std::span<const text::TokenId> drafts, std::span<const text::TokenId> greedy);
  // REQUIRES: at least one chain was added.
  AcceptanceReport Report() const;

 private:
  std::vector<size_t> accepted_;  // [depth] chains that got at least so far
  MeanEstimate length_;
};

}  // namespace glimmer::eval
