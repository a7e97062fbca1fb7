// Runs a model over a text and measures its predictions: perplexity, divergence from a saved base,
// acceptance of MTP drafts. Logits live for a few rows at a time.
// Conventions: docs/evaluation.md.
#pragma once

#include <atomic>
#include <optional>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "eval/acceptance.h"
#include "eval/divergence.h"
#include "eval/mean_estimate.h"
#include "eval/saved_logits.h"
#include "eval/windows.h"
#include "model/model.h"
#include "text/token.h"

namespace glimmer::eval {

// Drafts of a chain.
constexpr size_t kChainDepth = 3;

struct EvaluationOptions {
  std::vector<Window> windows;
  size_t chunk_tokens = 512;          // of one pass; changes results by rounding only
  bool mtp = false;                   // also the MTP layer; REQUIRES: the model has one
  LogitsWriter* save = nullptr;       // takes every row, and MTP rows with `mtp`
  const SavedLogits* base = nullptr;  // to compare with
};

struct EvaluationReport {
  size_t scored_tokens = 0;
  Measured nll;                                // mean; ExpOf() it for the perplexity
  std::optional<DivergenceReport> divergence;  // with `base`
  std::optional<AcceptanceReport> acceptance;  // with `mtp`, unless no chain fits
  double seconds = 0;
};

// `tokens_done` counts tokens of windows that have passed the main layers, and chains with `mtp`:
// at most EvaluationWork(options) in all.
// Errors: kCorrupt when logits are not finite; kInvalid for ids or positions beyond the model's;
// kIo of the files; kCancelled. REQUIRES: windows from MakeWindows over these ids.
base::Result<EvaluationReport> Evaluate(const model::Model& model, base::ThreadPool& pool,
                                        std::span<const text::TokenId> ids,
                                        const EvaluationOptions& options,
                                        const base::CancelFlag& cancel,
                                        std::atomic<uint64_t>& tokens_done);
uint64_t EvaluationWork(const EvaluationOptions& options);

}  // namespace glimmer::eval
