// The next token from a row of logits: penalties, temperature, filters, one random number.
//
// Order and formulas, x being the logits in F32, w the weights:
//   1. repetition_penalty r, on every token of prompt or answer: x = x > 0 ? x / r : x * r
//   2. x -= frequency_penalty * (times in the answer); x -= presence_penalty if it is in the answer
//   3. temperature t: w = exp((x - max x) / t); 0 takes the largest x, the lowest id among equals
//   4. top_k: the k largest weights stay, and those equal to the k-th
//   5. top_p: the fewest largest weights stay whose sum is at least top_p of what step 4 left; of
//      equal ones the lower ids
//   6. min_p: weights below min_p times the largest go
//   7. token i with probability w[i] / sum w
// Steps 1 and 2 are vLLM's (v1/sample/ops/penalties.py; 2 is also OpenAI's); 3 to 6 come in the
// order of transformers (_get_logits_processor), which defines generation_config.json, and of
// SGLang. vLLM puts 6 before 4, so that its top_p counts only what min_p left and cuts more. Here
// the filters are independent: a token stays if top_p and min_p each keep it.
//
// The same logits, tokens and seed give the same token on every machine: weights are whole numbers
// of 2^-39 of the largest, rounded to the nearest, and the exponential is our own
// (base/exponential.h), so sums are exact in any order. A token below 2^-40 (1e-12) of the
// likeliest is never drawn.
//
// Cost: greedy is one pass over the row. Sampling takes an exponential for each id; the filters
// select, they do not sort. Source of randomness: engine/random.h, one number for each token.
// Threads: one thread for each Sampler.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "text/token.h"

namespace glimmer::engine {

// Below this a temperature counts as 0, as in vLLM (_SAMPLING_EPS).
constexpr double kGreedyTemperature = 1e-5;
constexpr double kMaxTemperature = 100;
// Wide enough for every use known (1.0 to 1.5).
constexpr double kLeastRepetitionPenalty = 0.01;
constexpr double kMaxRepetitionPenalty = 100;
// OpenAI's range of the presence and frequency penalties, which vLLM enforces too.
constexpr double kMaxAdditivePenalty = 2;

struct SamplingOptions {
  double temperature = 1;
  int64_t top_k = 0;  // 0 = off
  double top_p = 1;   // 1 = off
  double min_p = 0;   // 0 = off
  double repetition_penalty = 1;
  double presence_penalty = 0;
  double frequency_penalty = 0;
  uint64_t seed = 0;

  // Errors: kInvalid, naming field, expected and found.
  base::Status Check() const;
};

// What the penalties look at, and the answer's length counts the random numbers.
struct TokenHistory {
  std::span<const text::TokenId> prompt;
  std::span<const text::TokenId> answer;  // without the token to be chosen
};

class Sampler {
 public:
  // Ids from `vocabulary_limit` on, the rows of the embedding that no token has, are never chosen.
  // REQUIRES: options.Check() is ok; vocabulary_limit > 0.
  Sampler(const SamplingOptions& options, size_t vocabulary_limit);

  // The token behind `history` for `logits` [V], which the penalties change in place. Nothing is
  // remembered: a rejected token is simply left out of the next history.
  // Errors: kCorrupt for a NaN or infinity anywhere in the row, which is named by the answer's
  // length. REQUIRES: V >= vocabulary_limit; the history's ids are below V.
  base::Result<text::TokenId> Next(std::span<float> logits, const TokenHistory& history);

 private:
  struct Candidate {
    text::TokenId id;
    uint64_t weight;
  };

  void ApplyPenalties(std::span<float> logits, const TokenHistory& history);
  void Weigh(std::span<const float> logits, float max);
  uint64_t SelectWeights();  // the candidates', into selection_; returns their sum
  void KeepTopK();
  void KeepTopP();
  void KeepMinP();
  text::TokenId Draw(uint64_t index) const;

  SamplingOptions options_;
  size_t vocabulary_limit_;
  std::vector<Candidate> candidates_;  // by id
  std::vector<uint64_t> selection_;    // weights, in the order that selecting leaves them
  std::vector<uint32_t> counts_;       // [V] times in the answer; zero between calls
  std::vector<bool> repeated_;         // [V] in prompt or answer; false between calls
};

}  // namespace glimmer::engine
