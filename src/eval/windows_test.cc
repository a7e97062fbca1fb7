#include "eval/windows.h"

#include <gtest/gtest.h>

#include <array>

namespace glimmer::eval {
namespace {

// {begin, end, first_scored, end_row}
std::vector<std::array<size_t, 4>> Made(size_t token_count, size_t context, size_t stride) {
  std::vector<std::array<size_t, 4>> made;
  const auto windows = MakeWindows(token_count, context, stride);
  EXPECT_TRUE(windows.ok()) << windows.error().message;
  for (const Window& w : windows.value())
    made.push_back({w.begin, w.end, w.first_scored, w.end_row});
  return made;
}

using Rows = std::vector<std::array<size_t, 4>>;

TEST(MakeWindows, OneWindowIfTheTextFits) {
  EXPECT_EQ(Made(2, 2, 2), (Rows{{0, 2, 1, 2}}));
  EXPECT_EQ(Made(9, 10, 3), (Rows{{0, 9, 1, 9}}));
  EXPECT_EQ(Made(10, 10, 1), (Rows{{0, 10, 1, 10}}));
}

// The drawing in the header.
TEST(MakeWindows, OverlapIsContextOnly) {
  EXPECT_EQ(Made(10, 5, 3), (Rows{{0, 5, 1, 4}, {3, 8, 5, 7}, {6, 10, 8, 10}}));
}

TEST(MakeWindows, WithoutOverlapFirstTokensAreNotScored) {
  EXPECT_EQ(Made(8, 4, 4), (Rows{{0, 4, 1, 4}, {4, 8, 5, 8}}));
  // The last window holds one token: nothing to score, but its row belongs to the text.
  EXPECT_EQ(Made(9, 4, 4), (Rows{{0, 4, 1, 4}, {4, 8, 5, 8}, {8, 9, 9, 9}}));
}

// The loop of Hugging Face's guide: trg_len = end - prev_end tokens at the end of each window are
// targets, of which a window's first token is lost to the shift of the labels.
TEST(MakeWindows, ScoresWhatHuggingFaceScores) {
  for (size_t tokens = 2; tokens < 30; ++tokens) {
    for (size_t context = 2; context < 12; ++context) {
      for (size_t stride = 1; stride <= context; ++stride) {
        Rows expected;
        size_t previous_end = 0;
        for (size_t begin = 0; begin < tokens; begin += stride) {
          const size_t end = std::min(begin + context, tokens);
          const size_t first = std::max(end - (end - previous_end), begin + 1);
          expected.push_back({begin, end, first, 0});
          previous_end = end;
          if (end == tokens) break;
        }
        Rows made = Made(tokens, context, stride);
        size_t next_row = 0;
        for (auto& window : made) {
          EXPECT_EQ(window[2] - 1, next_row);  // rows follow each other
          EXPECT_GE(next_row, window[0]);      // and lie in the window
          EXPECT_LE(window[3], window[1]);
          next_row = window[3];
          window[3] = 0;
        }
        EXPECT_EQ(next_row, tokens);
        EXPECT_EQ(made, expected);
      }
    }
  }
}

TEST(MakeWindows, RefusesWhatMakesNoWindows) {
  const std::array<size_t, 3> cases[] = {{1, 5, 5}, {0, 5, 5}, {9, 1, 1},
                                         {9, 0, 0}, {9, 5, 0}, {9, 5, 6}};
  for (const auto& [tokens, context, stride] : cases) {
    const auto windows = MakeWindows(tokens, context, stride);
    ASSERT_FALSE(windows.ok()) << tokens << " " << context << " " << stride;
    EXPECT_EQ(windows.error().kind, base::ErrorKind::kInvalid);
  }
  EXPECT_EQ(MakeWindows(9, 5, 6).error().message,
            "stride: expected 1 to 5 (the context) tokens, found 6");
}

}  // namespace
}  // namespace glimmer::eval
