// How a text longer than the context is cut for measuring: windows that advance by a stride, each
// scoring only the tokens that no window scored before.
//
//   tokens   0 1 2 3 4 5 6 7 8 9      context 5, stride 3
//   window 0 . # # # #                # scored, . only context
//   window 1       . . # # #          token 0 has no prediction and is never scored
//   window 2             . . # #
//
// With stride = context nothing overlaps, and the first token of each window goes without a score,
// as nothing in its window predicts it.
// Source: Hugging Face's "Perplexity of fixed-length models"; docs/evaluation.md#windows.
#pragma once

#include <cstddef>
#include <vector>

#include "base/result.h"

namespace glimmer::eval {

struct Window {
  size_t begin, end;    // tokens [begin, end) go through the model
  size_t first_scored;  // tokens [first_scored, end) are scored; may be end
  // Row t of the logits, the prediction behind token t, counts in the window that scores token
  // t + 1. Rows [first_row(), end_row) of all windows together are [0, T) without gap or overlap: a
  // row that no window scores goes to the first window that holds its token.
  size_t end_row;

  size_t first_row() const { return first_scored - 1; }
};

// Errors: kInvalid unless 2 <= context and 1 <= stride <= context, and T >= 2.
base::Result<std::vector<Window>> MakeWindows(size_t token_count, size_t context, size_t stride);

}  // namespace glimmer::eval
