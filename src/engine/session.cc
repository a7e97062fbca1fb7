#include "engine/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/forward.h"

namespace glimmer::engine {

using base::Result;
using tensor::OwnedMatrix;
using text::TokenId;

Session::Session(const model::Model& model, base::ThreadPool& pool)
    : model_(model), pool_(pool), sequence_(model) {}

// The hidden states of the new tokens.
Result<OwnedMatrix> Session::Extend(std::span<const TokenId> ids) {
  const model::Continuation next = {&sequence_, ids};
  GLIMMER_ASSIGN(OwnedMatrix hidden, model::Forward(model_, pool_, {&next, 1}));
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  return hidden;
}

Result<OwnedMatrix> Session::Read(std::span<const TokenId> ids, const base::CancelFlag& cancel) {
  if (ids.empty()) return base::Invalid("the prompt is empty: expected at least one token");
  if (ids.size() > model_.config.max_position_embeddings) {
    return base::Invalid(
        fmt::format("the prompt has {} tokens: expected at most {}, as max_position_embeddings in "
                    "{} says",
                    ids.size(), model_.config.max_position_embeddings, model::kConfigName));
  }
  // The last token is always computed: its logits are what the caller wants.
  const auto differs = std::mismatch(ids.begin(), ids.end() - 1, ids_.begin(), ids_.end()).first;
  const auto shared = static_cast<size_t>(differs - ids.begin());
  ids_.resize(shared);
  sequence_.length = shared;
  computed_tokens_ = ids.size() - shared;
  while (true) {
    if (cancel.IsSet()) return base::Cancelled("interrupted while reading the prompt");
    const std::span<const TokenId> rest = ids.subspan(ids_.size());
    const size_t count = std::min(rest.size(), kPromptChunk);
    GLIMMER_ASSIGN(const OwnedMatrix hidden, Extend(rest.first(count)));
    if (count == rest.size()) return model::Logits(model_, pool_, hidden.view().Rows(count - 1, 1));
  }
}

Result<OwnedMatrix> Session::Append(TokenId id) {
  GLIMMER_ASSIGN(const OwnedMatrix hidden, Extend({&id, 1}));
  return model::Logits(model_, pool_, hidden);
}

}  // namespace glimmer::engine
