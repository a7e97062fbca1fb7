// Log-probabilities from a row of logits [V], F32 in, double out.
//   ln p[i] = x[i] - max x - ln sum of exp(x[j] - max x)
// The maximum is exact; exponentials and their sum are taken in double, in eight interleaved
// partial sums. Their relative error, and so the absolute error of ln p, is at most (V / 8 + 8)
// 2^-53 + 2^-51: 2.2e-12 for V = 154,880. Threads: pure functions.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "text/token.h"

namespace glimmer::eval {

struct RowSummary {
  float max = 0;
  text::TokenId top = 0;  // where max stands; the lowest id among equals
  double log_sum = 0;     // ln sum of exp(x - max), at least 0
};

// Errors: kCorrupt for a NaN or infinity, naming its id and `row`, the position in the text.
// REQUIRES: 0 < V.
base::Result<RowSummary> Summarise(std::span<const float> logits, size_t row);

// ln p of `id`. REQUIRES: `summary` is of these logits; id < V.
double LogProb(std::span<const float> logits, const RowSummary& summary, text::TokenId id);

// KL(base, model) = sum of p_base (ln p_base - ln p_model), in nats, over the whole vocabulary.
// Never negative: what rounding leaves below 0 is 0. Absolute error at most 4.4e-12 (1 + the
// largest difference of ln p) for V = 154,880. REQUIRES: both rows [V], each with its summary.
double KlDivergence(std::span<const float> base, const RowSummary& base_summary,
                    std::span<const float> model, const RowSummary& model_summary);

}  // namespace glimmer::eval
