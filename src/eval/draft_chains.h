// Greedy chains of MTP drafts behind every position of a window, and what the main model would have
// said: docs/evaluation.md#acceptance.
#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "eval/acceptance.h"
#include "model/forward.h"
#include "tensor/matrix.h"
#include "text/token.h"

namespace glimmer::eval {

// What the passes over a window left behind. Positions count from the window's begin.
struct WindowPass {
  model::Sequence* sequence;                // caches of main layers and MTP layer over the window
  tensor::ConstMatrix drafts;               // [n, H] output of the MTP layer
  std::vector<text::TokenId> first_drafts;  // [n] its likeliest token; negative: not computed
  std::vector<text::TokenId> main_tops;     // [window] the main model's; negative: not computed
};

// Adds the chain of every position whose first draft and main continuation are known and fit into
// the context, last position first: a chain overwrites the caches behind its position, which
// earlier ones do not read. Returns how many were added.
base::Result<size_t> AddChains(const model::Model& model, base::ThreadPool& pool,
                               const WindowPass& window, const base::CancelFlag& cancel,
                               std::atomic<uint64_t>& done, Acceptance& acceptance);

}  // namespace glimmer::eval
