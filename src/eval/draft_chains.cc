#include "eval/draft_chains.h"

#include <algorithm>
#include <array>

#include "eval/evaluation.h"
#include "model/mtp.h"

namespace glimmer::eval {
namespace {

using base::Result;
using tensor::ConstMatrix;
using tensor::OwnedMatrix;
using text::TokenId;
using Chain = std::array<TokenId, kChainDepth>;

constexpr TokenId kUnknown = -1;

TokenId Top(ConstMatrix logits) {
  const float* row = logits.row(0);
  return static_cast<TokenId>(std::max_element(row, row + logits.cols) - row);
}

class ChainRunner {
 public:
  ChainRunner(const model::Model& model, base::ThreadPool& pool, const WindowPass& window)
      : model_(model), pool_(pool), window_(window) {}

  // The chain behind position p: drafts, and the main model's tokens as far as they are equal.
  base::Status Run(size_t p, Chain& drafts, Chain& greedy) {
    drafts.fill(kUnknown);
    greedy.fill(kUnknown - 1);
    drafts[0] = window_.first_drafts[p];
    greedy[0] = window_.main_tops[p + 1];
    window_.sequence->mtp_length = p + 1;
    window_.sequence->length = p + 2;
    OwnedMatrix hidden(1, window_.drafts.cols);
    std::copy_n(window_.drafts.row(p), hidden.cols(), hidden.row(0));
    for (size_t j = 1; j < kChainDepth && drafts[j - 1] == greedy[j - 1]; ++j) {
      const model::Continuation next = {window_.sequence, {&drafts[j - 1], 1}};
      GLIMMER_ASSIGN(hidden, model::ForwardMtp(model_, pool_, 0, next, hidden));
      drafts[j] = Top(model::Logits(model_, pool_, hidden));
      GLIMMER_ASSIGN(const OwnedMatrix main, model::Forward(model_, pool_, {&next, 1}));
      greedy[j] = Top(model::Logits(model_, pool_, main));
    }
    return {};
  }

 private:
  const model::Model& model_;
  base::ThreadPool& pool_;
  const WindowPass& window_;
};

}  // namespace

Result<size_t> AddChains(const model::Model& model, base::ThreadPool& pool,
                         const WindowPass& window, const base::CancelFlag& cancel,
                         std::atomic<uint64_t>& done, Acceptance& acceptance) {
  ChainRunner runner(model, pool, window);
  size_t added = 0;
  for (size_t p = window.first_drafts.size(); p-- > 0;) {
    if (cancel.IsSet()) return base::Cancelled("interrupted");
    ++done;
    const bool known = p + 1 < window.main_tops.size() && window.first_drafts[p] >= 0 &&
                       window.main_tops[p + 1] >= 0;
    if (!known || p + 1 + kChainDepth > model.config.max_position_embeddings) continue;
    Chain drafts, greedy;
    GLIMMER_TRY(runner.Run(p, drafts, greedy));
    acceptance.Add(drafts, greedy);
    ++added;
  }
  return added;
}

}  // namespace glimmer::eval
