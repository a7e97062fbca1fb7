// One text that a model continues: its tokens, and the cache that remembers them.
// One thread at a time.
#pragma once

#include <span>
#include <vector>

#include "base/parallel.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "model/model.h"
#include "model/sequence.h"
#include "tensor/matrix.h"
#include "text/token.h"

namespace glimmer::engine {

// Tokens of one pass while a prompt is read: enough for the matrix products to run at their rate,
// few enough that an interruption is noticed soon.
constexpr size_t kPromptChunk = 512;

class Session {
 public:
  // Both must outlive the session.
  Session(const model::Model& model, base::ThreadPool& pool);

  // Makes `ids` the session's text and returns the logits [1, V] behind its last token. Tokens that
  // the previous text began with too are not computed again.
  // Errors: kInvalid for an empty text, an id outside the vocabulary or more tokens than the
  // model's context; kCancelled.
  base::Result<tensor::OwnedMatrix> Read(std::span<const text::TokenId> ids,
                                         const base::CancelFlag& cancel);
  // Adds one token; the logits behind it.
  base::Result<tensor::OwnedMatrix> Append(text::TokenId id);

  // The text that the cache holds.
  const std::vector<text::TokenId>& ids() const { return ids_; }
  // Of the last Read: tokens that were computed, the others were remembered.
  size_t computed_tokens() const { return computed_tokens_; }
  // Tokens that still fit.
  size_t room() const { return model_.config.max_position_embeddings - ids_.size(); }
  const model::Model& model() const { return model_; }

 private:
  base::Result<tensor::OwnedMatrix> Extend(std::span<const text::TokenId> ids);

  const model::Model& model_;
  base::ThreadPool& pool_;
  model::Sequence sequence_;
  std::vector<text::TokenId> ids_;
  size_t computed_tokens_ = 0;
};

}  // namespace glimmer::engine
