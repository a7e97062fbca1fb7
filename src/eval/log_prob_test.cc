#include "eval/log_prob.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace glimmer::eval {
namespace {

// Deterministic logits between -12 and 12.
std::vector<float> Wavy(size_t count, double phase) {
  std::vector<float> logits;
  for (size_t i = 0; i < count; ++i) {
    logits.push_back(static_cast<float>(12 * std::sin(phase + 0.7 * static_cast<double>(i * i))));
  }
  return logits;
}

// In 80-bit arithmetic, term by term.
long double LogProbInFull(const std::vector<float>& logits, size_t id) {
  long double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<long double>(x) - logits[id]);
  return -std::log(sum);
}

double LogProbOf(const std::vector<float>& logits, text::TokenId id) {
  return LogProb(logits, Summarise(logits, 0).value(), id);
}

double KlOf(const std::vector<float>& base, const std::vector<float>& model) {
  return KlDivergence(base, Summarise(base, 0).value(), model, Summarise(model, 0).value());
}

TEST(Summarise, FindsTheLargestAndOfEqualsTheFirst) {
  for (size_t count = 1; count < 70; ++count) {
    for (size_t place = 0; place < count; ++place) {
      std::vector<float> logits(count, -3);
      logits[place] = 4;
      if (place + 2 < count) logits[place + 2] = 4;
      const RowSummary summary = Summarise(logits, 0).value();
      ASSERT_EQ(summary.top, static_cast<text::TokenId>(place)) << count;
      ASSERT_EQ(summary.max, 4);
    }
  }
  EXPECT_EQ(Summarise(std::vector<float>{-7}, 0).value().top, 0);
}

TEST(Summarise, RefusesWhatIsNotFinite) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    for (size_t place = 0; place < 37; ++place) {
      std::vector<float> logits(37, 1);
      logits[place] = bad;
      const auto summary = Summarise(logits, 12);
      ASSERT_FALSE(summary.ok());
      EXPECT_EQ(summary.error().kind, base::ErrorKind::kCorrupt);
      EXPECT_NE(summary.error().message.find("logits are not finite"), std::string::npos);
      EXPECT_TRUE(
          summary.error().message.ends_with("id " + std::to_string(place) + " of position 12"))
          << summary.error().message;
    }
  }
}

TEST(LogProb, IsTheLogarithmOfSoftmax) {
  const std::vector<float> logits = {0, 0, 0, 0};
  EXPECT_DOUBLE_EQ(LogProbOf(logits, 2), -std::log(4.0));
  EXPECT_DOUBLE_EQ(LogProbOf({5}, 0), 0);
  // Python: x - math.log(math.fsum(map(math.exp, row))) for the row (1, 2, 3, -4, 0.5).
  const std::vector<float> row = {1, 2, 3, -4, 0.5f};
  EXPECT_NEAR(LogProbOf(row, 0), -2.4613485348662096, 1e-15);
  EXPECT_NEAR(LogProbOf(row, 3), -7.461348534866209, 1e-15);
}

// Within the bound of the header, for every length of the last, incomplete group of lanes.
TEST(LogProb, StaysWithinItsErrorBound) {
  for (size_t count = 1; count < 40; ++count) {
    const std::vector<float> logits = Wavy(count, 0.1);
    for (size_t id = 0; id < count; ++id) {
      ASSERT_NEAR(LogProbOf(logits, static_cast<text::TokenId>(id)),
                  static_cast<double>(LogProbInFull(logits, id)), 2e-14);
    }
  }
  const std::vector<float> logits = Wavy(154'880, 0.3);
  EXPECT_NEAR(LogProbOf(logits, 77), static_cast<double>(LogProbInFull(logits, 77)), 2.2e-12);
}

TEST(LogProb, HoldsFarAwayLogits) {
  EXPECT_DOUBLE_EQ(LogProbOf({3e38f, -3e38f}, 0), 0);
  EXPECT_DOUBLE_EQ(LogProbOf({1000, 0, 1000}, 1), -1000 - std::log(2.0));
}

TEST(KlDivergence, IsItsDefinition) {
  // Base 1/2, 1/4, 1/4; model 1/4, 1/2, 1/4 (up to a factor): ln 2 / 2 - ln 2 / 4.
  const float ln2 = std::log(2.0f);
  EXPECT_NEAR(KlOf({ln2, 0, 0}, {7, 7 + ln2, 7}), std::log(2.0) / 4, 1e-7);  // logits are F32
  // Not symmetric. Python, for the rows (1, 2, 3, -4, 0.5) and (0.5, 2.5, 1, -3, 2).
  EXPECT_NEAR(KlOf({1, 2, 3, -4, 0.5f}, {0.5f, 2.5f, 1, -3, 2}), 0.8255849234445972, 1e-14);
  EXPECT_NEAR(KlOf({0.5f, 2.5f, 1, -3, 2}, {1, 2, 3, -4, 0.5f}), 0.740823268020232, 1e-14);
}

TEST(KlDivergence, IsZeroForTheSamePredictionAndNeverNegative) {
  const std::vector<float> logits = Wavy(1001, 0.2);
  EXPECT_EQ(KlOf(logits, logits), 0);
  std::vector<float> moved = logits;
  for (float& x : moved) x += 64;
  EXPECT_GE(KlOf(logits, moved), 0);
  EXPECT_NEAR(KlOf(logits, moved), 0, 1e-6);  // F32 rounds after the move
}

TEST(KlDivergence, StaysWithinItsErrorBound) {
  const std::vector<float> base = Wavy(154'880, 0.3), model = Wavy(154'880, 0.31);
  const long double base_zero = LogProbInFull(base, 0), model_zero = LogProbInFull(model, 0);
  long double truth = 0;
  for (size_t i = 0; i < base.size(); ++i) {
    const long double p = base_zero + (static_cast<long double>(base[i]) - base[0]);
    const long double q = model_zero + (static_cast<long double>(model[i]) - model[0]);
    truth += std::exp(p) * (p - q);
  }
  EXPECT_GT(truth, 1e-4L);
  EXPECT_NEAR(KlOf(base, model), static_cast<double>(truth), 4.4e-12 * 25);
}

}  // namespace
}  // namespace glimmer::eval
