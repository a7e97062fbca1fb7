#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "engine/random.h"

namespace glimmer::engine {
namespace {

using text::TokenId;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> LogitsOf(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

// Tokens for answers of 0, 1, 2, … tokens before them; without penalties only the length counts.
std::vector<TokenId> Drawn(const SamplingOptions& options, const std::vector<float>& logits,
                           size_t draws) {
  Sampler sampler(options, logits.size());
  const std::vector<TokenId> answer(draws, 0);
  std::vector<TokenId> tokens;
  for (size_t i = 0; i < draws; ++i) {
    std::vector<float> row = logits;
    const auto token = sampler.Next(row, {.prompt = {}, .answer = std::span(answer).first(i)});
    EXPECT_TRUE(token.ok());
    tokens.push_back(token.value());
  }
  return tokens;
}

// The ids that a filter leaves. A token of probability p is missed with (1 - p)^4000; every test
// below has p > 0.009, so that is less than 2e-16.
std::set<TokenId> Kept(const SamplingOptions& options, const std::vector<float>& logits) {
  const std::vector<TokenId> tokens = Drawn(options, logits, 4000);
  return {tokens.begin(), tokens.end()};
}

TokenId Greedy(std::vector<float> logits, size_t limit, SamplingOptions options = {},
               const TokenHistory& history = {}) {
  options.temperature = 0;
  return Sampler(options, limit).Next(logits, history).value();
}

TEST(Sampler, GreedyTakesTheLargestAndOfEqualsTheLowestId) {
  EXPECT_EQ(Greedy({1, 3, 2}, 3), 1);
  EXPECT_EQ(Greedy({1, 3, 2, 3}, 4), 1);
  EXPECT_EQ(Greedy({-5, -5}, 2), 0);
  EXPECT_EQ(Greedy({7}, 1), 0);
}

TEST(Sampler, TemperaturesBelowTheThresholdAreGreedy) {
  EXPECT_EQ(Kept({.temperature = 9e-6}, {1, 1.000001f, 0}), std::set<TokenId>({1}));
  EXPECT_EQ(Kept({.temperature = 1}, {1, 1.000001f, 0}), std::set<TokenId>({0, 1, 2}));
}

TEST(Sampler, NeverChoosesBeyondTheVocabulary) {
  EXPECT_EQ(Greedy({1, 2, 9, 9}, 2), 1);
  Sampler sampler({.temperature = 1}, 2);
  const std::vector<TokenId> answer(1000, 0);
  for (size_t i = 0; i < 1000; ++i) {
    std::vector<float> row = {1, 2, 9, 9};
    EXPECT_LT(sampler.Next(row, {{}, std::span(answer).first(i)}).value(), 2);
  }
}

TEST(Sampler, RefusesLogitsThatAreNotFinite) {
  const std::vector<TokenId> answer = {0, 0, 0};
  for (const float bad : {kNan, kInfinity, -kInfinity}) {
    for (const double temperature : {0.0, 1.0}) {
      for (const size_t place : {0u, 1u, 4u}) {  // 4: a row that no token has
        std::vector<float> row = {1, 2, 3, 4, 5};
        row[place] = bad;
        const auto token = Sampler({.temperature = temperature}, 4).Next(row, {{}, answer});
        ASSERT_FALSE(token.ok());
        EXPECT_EQ(token.error().kind, base::ErrorKind::kCorrupt);
        EXPECT_NE(token.error().message.find("logits are not finite"), std::string::npos);
        EXPECT_NE(token.error().message.find("id " + std::to_string(place) + " of row 3"),
                  std::string::npos)
            << token.error().message;
      }
    }
  }
}

TEST(Sampler, RepetitionPenaltyDividesPositiveAndMultipliesNegativeLogitsOnce) {
  const std::vector<TokenId> prompt = {0, 1, 0}, answer = {2, 2, 1};
  std::vector<float> row = {3, -1, 0.5f, 2, -2};
  Sampler sampler({.temperature = 0, .repetition_penalty = 2}, 5);
  // 3 / 2 = 1.5, -1 * 2 = -2, 0.5 / 2 = 0.25; the untouched 2 wins.
  EXPECT_EQ(sampler.Next(row, {prompt, answer}).value(), 3);
  EXPECT_EQ(row, std::vector<float>({1.5f, -2, 0.25f, 2, -2}));
  // Nothing of the first call is left for the second.
  row = {3, -1, 0.5f, 2, -2};
  EXPECT_EQ(sampler.Next(row, {}).value(), 0);
  EXPECT_EQ(row, std::vector<float>({3, -1, 0.5f, 2, -2}));
}

TEST(Sampler, PresenceAndFrequencyCountTheAnswerOnly) {
  const std::vector<TokenId> prompt = {0, 3, 3}, answer = {2, 1, 2, 2};
  std::vector<float> row = {1, 2, 4, 1};
  Sampler sampler({.temperature = 0, .presence_penalty = 0.5, .frequency_penalty = 0.25}, 4);
  // Token 1 once: 2 - 0.25 - 0.5; token 2 three times: 4 - 0.75 - 0.5.
  EXPECT_EQ(sampler.Next(row, {prompt, answer}).value(), 2);
  EXPECT_EQ(row, std::vector<float>({1, 1.25f, 2.75f, 1}));
  row = {1, 2, 4, 1};
  EXPECT_EQ(sampler.Next(row, {prompt, {}}).value(), 2);
  EXPECT_EQ(row, std::vector<float>({1, 2, 4, 1}));
}

TEST(Sampler, RepetitionComesBeforeTheOtherPenalties) {
  const std::vector<TokenId> answer = {0};
  std::vector<float> row = {4, 0};
  Sampler sampler({.temperature = 0, .repetition_penalty = 2, .presence_penalty = 1}, 2);
  EXPECT_EQ(sampler.Next(row, {{}, answer}).value(), 0);
  EXPECT_EQ(row[0], 1);  // 4 / 2 - 1, not (4 - 1) / 2
}

// Each count is binomial: outside five standard deviations once in 1.7 million.
void ExpectDistribution(const SamplingOptions& options, const std::vector<float>& logits,
                        const std::vector<double>& probabilities) {
  constexpr size_t kDraws = 200'000;
  std::map<TokenId, double> counts;
  for (const TokenId token : Drawn(options, logits, kDraws)) ++counts[token];
  for (size_t i = 0; i < probabilities.size(); ++i) {
    const double p = probabilities[i];
    EXPECT_NEAR(counts[static_cast<TokenId>(i)], kDraws * p, 5 * std::sqrt(kDraws * p * (1 - p)))
        << "token " << i;
  }
}

TEST(Sampler, DrawsWithTheProbabilitiesOfSoftmax) {
  const std::vector<double> p = {0.5, 0.25, 0.15, 0.0999, 0.0001};
  ExpectDistribution({.temperature = 1}, LogitsOf(p), p);
}

TEST(Sampler, TemperatureDividesTheLogits) {
  // Temperature 0.5 squares the probabilities 0.6, 0.3, 0.1: 0.36, 0.09, 0.01 of 0.46.
  ExpectDistribution({.temperature = 0.5}, LogitsOf({0.6, 0.3, 0.1}),
                     {0.36 / 0.46, 0.09 / 0.46, 0.01 / 0.46});
  // Temperature 2 takes square roots: 0.8, 0.4, sqrt(0.2).
  const double sum = 0.8 + 0.4 + std::sqrt(0.2);
  ExpectDistribution({.temperature = 2}, LogitsOf({0.64, 0.16, 0.2}),
                     {0.8 / sum, 0.4 / sum, std::sqrt(0.2) / sum});
}

TEST(Sampler, FiltersLeaveTheRelationsBetweenTheRest) {
  ExpectDistribution({.top_k = 2}, LogitsOf({0.1, 0.5, 0.3, 0.1}), {0, 0.625, 0.375, 0});
  ExpectDistribution({.top_p = 0.75}, LogitsOf({0.1, 0.5, 0.3, 0.1}), {0, 0.625, 0.375, 0});
  ExpectDistribution({.min_p = 0.5}, LogitsOf({0.1, 0.5, 0.3, 0.1}), {0, 0.625, 0.375, 0});
}

TEST(Sampler, TopKKeepsWhatEqualsTheLast) {
  EXPECT_EQ(Kept({.top_k = 1}, {1, 3, 2}), std::set<TokenId>({1}));
  EXPECT_EQ(Kept({.top_k = 2}, {1, 3, 2}), std::set<TokenId>({1, 2}));
  EXPECT_EQ(Kept({.top_k = 2}, {2, 3, 2, 0}), std::set<TokenId>({0, 1, 2}));
  EXPECT_EQ(Kept({.top_k = 0}, {1, 3, 2}), std::set<TokenId>({0, 1, 2}));
  EXPECT_EQ(Kept({.top_k = 3}, {1, 3, 2}), std::set<TokenId>({0, 1, 2}));
  EXPECT_EQ(Kept({.top_k = 99}, {1, 3, 2}), std::set<TokenId>({0, 1, 2}));
}

// Four equal tokens have exactly a quarter each.
TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  const std::vector<float> equal = {2, 2, 2, 2};
  EXPECT_EQ(Kept({.top_p = 1e-9}, equal), std::set<TokenId>({0}));
  EXPECT_EQ(Kept({.top_p = 0.25}, equal), std::set<TokenId>({0}));
  EXPECT_EQ(Kept({.top_p = 0.5}, equal), std::set<TokenId>({0, 1}));
  EXPECT_EQ(Kept({.top_p = 0.500001}, equal), std::set<TokenId>({0, 1, 2}));
  EXPECT_EQ(Kept({.top_p = 0.75}, equal), std::set<TokenId>({0, 1, 2}));
  EXPECT_EQ(Kept({.top_p = 1}, equal), std::set<TokenId>({0, 1, 2, 3}));
}

TEST(Sampler, MinPKeepsWhatEqualsTheThreshold) {
  EXPECT_EQ(Kept({.min_p = 1}, {2, 1.9f, 2}), std::set<TokenId>({0, 2}));
  const std::vector<float> logits = LogitsOf({0.5, 0.3, 0.2});  // 1, 0.6 and 0.4 of the largest
  EXPECT_EQ(Kept({.min_p = 0.39}, logits), std::set<TokenId>({0, 1, 2}));
  EXPECT_EQ(Kept({.min_p = 0.41}, logits), std::set<TokenId>({0, 1}));
  EXPECT_EQ(Kept({.min_p = 0.61}, logits), std::set<TokenId>({0}));
}

TEST(Sampler, TopPCountsWhatTopKLeftAndNotWhatMinPLeaves) {
  // After top_k, 0.4 is 0.4 / 0.7 = 0.571 of the rest.
  const std::vector<float> logits = LogitsOf({0.4, 0.3, 0.2, 0.1});
  EXPECT_EQ(Kept({.top_k = 2, .top_p = 0.55}, logits), std::set<TokenId>({0}));
  EXPECT_EQ(Kept({.top_k = 2, .top_p = 0.6}, logits), std::set<TokenId>({0, 1}));
  // Were min_p first, 0.5 would be 0.5 / 0.8 = 0.625 of the rest, enough for top_p.
  EXPECT_EQ(Kept({.top_p = 0.6, .min_p = 0.3}, LogitsOf({0.5, 0.3, 0.1, 0.1})),
            std::set<TokenId>({0, 1}));
}

// The filters' selection against sorting, over rows with many equal logits.
TEST(Sampler, SelectionAgreesWithSorting) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    std::vector<float> logits;
    for (uint64_t i = 0; i < 37; ++i) {
      logits.push_back(static_cast<float>(RandomBits(seed, i) % 9) / 8);
    }
    const double top_p = static_cast<double>(RandomBits(seed, 99) % 1000 + 1) / 1001;
    std::vector<TokenId> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    const auto weight = [&](TokenId id) { return std::exp(double{logits[size_t(id)]}); };
    std::stable_sort(order.begin(), order.end(),
                     [&](TokenId a, TokenId b) { return weight(a) > weight(b); });
    double sum = 0, before = 0;
    for (const TokenId id : order) sum += weight(id);
    std::set<TokenId> expected;
    for (const TokenId id : order) {
      if (before < top_p * sum) expected.insert(id);
      before += weight(id);
    }
    EXPECT_EQ(Kept({.top_p = top_p}, logits), expected) << "seed " << seed;
  }
}

// SplitMix64's published outputs for seed 1234567.
TEST(RandomBits, AreSplitMix64OfTheMixedSeed) {
  EXPECT_EQ(SplitMix64(1234567, 0), 6457827717110365317u);
  EXPECT_EQ(SplitMix64(1234567, 2), 9817491932198370423u);
  EXPECT_EQ(RandomBits(1234567, 1), SplitMix64(6457827717110365317u, 1));
  EXPECT_EQ(RandomBits(1, 3), 0xc7061b1b93322ba9u);  // by Python
}

TEST(Sampler, ASeedGivesTheSameTokensEverywhere) {
  // By Python: the weights of 0.4, 0.3, 0.2, 0.1 and RandomBits(7, index).
  const std::vector<TokenId> expected = {2, 1, 1, 1, 0, 0, 3, 3, 2, 0, 3, 1,
                                         0, 0, 2, 2, 3, 0, 0, 3, 0, 2, 1, 1};
  EXPECT_EQ(Drawn({.seed = 7}, LogitsOf({0.4, 0.3, 0.2, 0.1}), 24), expected);
  EXPECT_NE(Drawn({.seed = 8}, LogitsOf({0.4, 0.3, 0.2, 0.1}), 24), expected);
}

TEST(Sampler, ARejectedTokenLeavesNoTrace) {
  Sampler sampler({.repetition_penalty = 1.3, .frequency_penalty = 0.2, .seed = 3}, 4);
  const std::vector<TokenId> prompt = {1}, answer = {2, 2, 0};
  std::vector<float> first = {1, 1, 1, 1}, other = first, again = first;
  const TokenId token = sampler.Next(first, {prompt, std::span(answer).first(1)}).value();
  ASSERT_TRUE(sampler.Next(other, {prompt, answer}).ok());
  EXPECT_EQ(sampler.Next(again, {prompt, std::span(answer).first(1)}).value(), token);
  EXPECT_EQ(first, again);
}

TEST(SamplingOptions, CheckNamesTheField) {
  EXPECT_TRUE(SamplingOptions().Check().ok());
  const std::pair<SamplingOptions, const char*> cases[] = {
      {{.temperature = -0.1}, "temperature: expected a number from 0 to 100, found -0.1"},
      {{.temperature = 101}, "temperature"},
      {{.temperature = std::nan("")}, "temperature"},
      {{.top_k = -1}, "top_k: expected 0 (off) or a count, found -1"},
      {{.top_p = 0}, "top_p: expected a number above 0 and up to 1, found 0"},
      {{.top_p = 1.1}, "top_p"},
      {{.top_p = std::nan("")}, "top_p"},
      {{.min_p = -0.1}, "min_p"},
      {{.min_p = 1.5}, "min_p"},
      {{.repetition_penalty = 0}, "repetition_penalty"},
      {{.presence_penalty = 2.1}, "presence_penalty"},
      {{.frequency_penalty = -2.1}, "frequency_penalty"},
  };
  for (const auto& [options, said] : cases) {
    const base::Status status = options.Check();
    ASSERT_FALSE(status.ok()) << said;
    EXPECT_EQ(status.error().kind, base::ErrorKind::kInvalid);
    EXPECT_EQ(status.error().message.find(said), 0u) << status.error().message;
  }
}

}  // namespace
}  // namespace glimmer::engine
