#include "eval/evaluation.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/text.h"
#include "eval/draft_chains.h"
#include "eval/log_prob.h"
#include "model/forward.h"
#include "model/mtp.h"

namespace glimmer::eval {
namespace {

using base::Result;
using base::Status;
using tensor::ConstMatrix;
using tensor::OwnedMatrix;
using text::TokenId;

// Rows of logits in memory at once: 20 MB for GLM-5.1.
constexpr size_t kLogitRows = 32;

class Evaluator {
 public:
  Evaluator(const model::Model& model, base::ThreadPool& pool, std::span<const TokenId> ids,
            const EvaluationOptions& options, const base::CancelFlag& cancel,
            std::atomic<uint64_t>& done)
      : model_(model),
        pool_(pool),
        ids_(ids),
        options_(options),
        cancel_(cancel),
        done_(done),
        base_row_(options.base == nullptr ? 0 : model.config.vocab_size),
        acceptance_(kChainDepth) {}

  Result<EvaluationReport> Run() {
    const auto start = std::chrono::steady_clock::now();
    for (const Window& window : options_.windows) GLIMMER_TRY(RunWindow(window));
    EvaluationReport report;
    report.scored_tokens = nll_.count();
    report.nll = nll_.Get();
    if (options_.base != nullptr) report.divergence = divergence_.Report();
    if (chains_ > 0) report.acceptance = acceptance_.Report();
    report.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return report;
  }

 private:
  // What is kept of a window while chains need it.
  struct Kept {
    OwnedMatrix drafts;
    std::vector<TokenId> first_drafts, main_tops;
  };

  Status RunWindow(const Window& window) {
    const size_t count = window.end - window.begin;
    // The MTP layer reads the token behind each position, which the text's last one lacks.
    const size_t mtp_count = std::min(window.end, ids_.size() - 1) - window.begin;
    model::Sequence sequence(model_);
    Kept kept;
    if (options_.mtp) {
      kept = {OwnedMatrix(mtp_count, model_.config.hidden_size),
              std::vector<TokenId>(mtp_count, -1), std::vector<TokenId>(count, -1)};
    }
    for (size_t first = 0; first < count; first += options_.chunk_tokens) {
      if (cancel_.IsSet()) return base::Cancelled("interrupted");
      const size_t rows = std::min(options_.chunk_tokens, count - first);
      const size_t begin = window.begin + first;
      const model::Continuation next = {&sequence, ids_.subspan(begin, rows)};
      GLIMMER_ASSIGN(const OwnedMatrix hidden, model::Forward(model_, pool_, {&next, 1}));
      GLIMMER_TRY(ReadLogits(window, begin, hidden, kept));
      if (options_.mtp && first < mtp_count) {
        const size_t mtp_rows = std::min(rows, mtp_count - first);
        GLIMMER_TRY(RunMtp(window, begin, hidden.view().Rows(0, mtp_rows), sequence, kept));
      }
      done_ += rows;
    }
    if (!options_.mtp) return {};
    const WindowPass pass = {&sequence, kept.drafts, std::move(kept.first_drafts),
                             std::move(kept.main_tops)};
    GLIMMER_ASSIGN(const size_t added, AddChains(model_, pool_, pass, cancel_, done_, acceptance_));
    chains_ += added;
    return {};
  }

  // Calls use(t, logits [n, V]) for the rows of `hidden`, which is that of the tokens from `begin`
  // on, that count in this window; t is the position of the first.
  template <typename Use>
  Status ForLogits(const Window& window, size_t begin, ConstMatrix hidden, Use use) {
    const size_t first = std::max(window.first_row(), begin);
    const size_t last = std::min(window.end_row, begin + hidden.rows);
    for (size_t t = first; t < last; t += kLogitRows) {
      const size_t rows = std::min(kLogitRows, last - t);
      GLIMMER_TRY(use(t, model::Logits(model_, pool_, hidden.Rows(t - begin, rows))));
    }
    return {};
  }

  Status ReadLogits(const Window& window, size_t begin, ConstMatrix hidden, Kept& kept) {
    return ForLogits(window, begin, hidden, [&](size_t t, const OwnedMatrix& logits) -> Status {
      if (options_.save != nullptr) GLIMMER_TRY(options_.save->Append(logits.elements()));
      for (size_t i = 0; i < logits.rows(); ++i) {
        GLIMMER_TRY(ReadRow(window, t + i, logits.view().row_span(i), kept));
      }
      return {};
    });
  }

  Status ReadRow(const Window& window, size_t t, std::span<const float> row, Kept& kept) {
    GLIMMER_ASSIGN(const RowSummary summary, Summarise(row, t));
    if (options_.mtp) kept.main_tops[t - window.begin] = summary.top;
    if (t + 1 < window.first_scored || t + 1 >= window.end) return {};
    nll_.Add(-LogProb(row, summary, ids_[t + 1]));
    if (options_.base == nullptr) return {};
    GLIMMER_TRY(options_.base->ReadRow(t, base_row_));
    // The model's own row was found in order above, so an error is of the base.
    const Status added = divergence_.Add(base_row_, row, ids_[t + 1], t);
    if (added.ok()) return {};
    return base::Error(added.error()).In(base::Quoted(options_.base->path()));
  }

  Status RunMtp(const Window& window, size_t begin, ConstMatrix hidden, model::Sequence& sequence,
                Kept& kept) {
    const model::Continuation next = {&sequence, ids_.subspan(begin + 1, hidden.rows)};
    GLIMMER_ASSIGN(const OwnedMatrix drafts, model::ForwardMtp(model_, pool_, 0, next, hidden));
    const size_t at = begin - window.begin;
    std::copy(drafts.elements().begin(), drafts.elements().end(), kept.drafts.row(at));
    return ForLogits(window, begin, drafts, [&](size_t t, const OwnedMatrix& logits) -> Status {
      if (options_.save != nullptr) GLIMMER_TRY(options_.save->AppendMtp(logits.elements()));
      for (size_t i = 0; i < logits.rows(); ++i) {
        GLIMMER_ASSIGN(const RowSummary summary, Summarise(logits.view().row_span(i), t + i));
        kept.first_drafts[t + i - window.begin] = summary.top;
      }
      return {};
    });
  }

  const model::Model& model_;
  base::ThreadPool& pool_;
  std::span<const TokenId> ids_;
  const EvaluationOptions& options_;
  const base::CancelFlag& cancel_;
  std::atomic<uint64_t>& done_;
  std::vector<float> base_row_;
  MeanEstimate nll_;
  Divergence divergence_;
  Acceptance acceptance_;
  size_t chains_ = 0;
};

}  // namespace

uint64_t EvaluationWork(const EvaluationOptions& options) {
  uint64_t tokens = 0;
  for (const Window& window : options.windows) {
    tokens += (window.end - window.begin) * (options.mtp ? 2 : 1);
  }
  return tokens;
}

Result<EvaluationReport> Evaluate(const model::Model& model, base::ThreadPool& pool,
                                  std::span<const TokenId> ids, const EvaluationOptions& options,
                                  const base::CancelFlag& cancel,
                                  std::atomic<uint64_t>& tokens_done) {
  GLIMMER_CHECK(!options.mtp || !model.weights.mtp.empty());
  return Evaluator(model, pool, ids, options, cancel, tokens_done).Run();
}

}  // namespace glimmer::eval
