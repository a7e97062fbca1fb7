// The forward pass: token ids in, hidden states out, logits on request.
//
// One pass may compute tokens of several sequences; each continues where its cache ends. A text may
// be given at once, in pieces or token by token: the results agree up to rounding.
// Source: docs/model.md#forward.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/pass.h"

namespace glimmer::model {

// The next tokens of a sequence. Ids are positions in the vocabulary.
struct Continuation {
  Sequence* sequence;
  std::span<const int32_t> ids;
};

// Runs the main layers and extends the sequences. Returns [T, H], one row for each id in the order
// given: the output of the model's last norm, which the head and the MTP layer read.
// Errors: kInvalid for an id outside the vocabulary or a position beyond max_position_embeddings;
// kCorrupt, naming the layer, when a router or indexer meets numbers that are not finite. The
// sequences are then as they were.
base::Result<tensor::OwnedMatrix> Forward(const Model& model, base::ThreadPool& pool,
                                          std::span<const Continuation> continuations,
                                          Observer* observer = nullptr,
                                          OperatorClock* clock = nullptr);

// Logits [T, V] of rows of Forward's result (or of the MTP layer's).
tensor::OwnedMatrix Logits(const Model& model, base::ThreadPool& pool, tensor::ConstMatrix hidden,
                           OperatorClock* clock = nullptr);

}  // namespace glimmer::model
