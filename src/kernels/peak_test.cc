#include "kernels/peak.h"

#include <gtest/gtest.h>

#include <vector>

namespace glimmer::kernels {
namespace {

TEST(Peak, ReadOnceLooksAtEveryLine) {
  // Whole groups of lines, and a rest that is no whole line.
  for (const size_t words : {size_t{64}, size_t{64 * 3 + 8 * 5 + 3}, size_t{7}}) {
    std::vector<uint64_t> array(words);
    EXPECT_EQ(ReadOnce(array), 0u);
    for (size_t line = 0; line < words; line += 8) {
      array[line] = 1;
      EXPECT_NE(ReadOnce(array), 0u) << "word " << line << " of " << words;
      array[line] = 0;
    }
  }
}

TEST(Peak, AsManyOperationsAsAskedFor) {
  for (const PeakKind kind : {PeakKind::kF32, PeakKind::kBf16, PeakKind::kInt8}) {
    // Two for each multiply-add; a whole number of steps may be up to one step short, and a step
    // is at most 12 sums of 64 products.
    const double operations = RunPeak(kind, 1);
    EXPECT_LE(operations, 2e6);
    EXPECT_GT(operations, 2e6 - 2 * 12 * 64);
    EXPECT_FALSE(PeakInstruction(kind).empty());
  }
}

}  // namespace
}  // namespace glimmer::kernels
