#include "model/forward.h"

#include "model/block.h"
#include "model/embedding.h"
#include "model/linear.h"
#include "model/operator_clock.h"

namespace glimmer::model {
namespace {

using base::Result;
using tensor::ConstMatrix;
using tensor::Matrix;
using tensor::OwnedMatrix;

void EmbedAll(const Pass& pass, std::span<const Continuation> continuations, Matrix x) {
  const OperatorTimer timer(pass, Operator::kEmbedding);
  CountLookups(pass.clock, pass.model.weights.embed_tokens, x.rows);
  for (size_t i = 0; i < continuations.size(); ++i) {
    Embed(pass.model, continuations[i].ids, x.Rows(pass.spans[i].first_row, pass.spans[i].count));
  }
}

}  // namespace

Result<OwnedMatrix> Forward(const Model& model, base::ThreadPool& pool,
                            std::span<const Continuation> continuations, Observer* observer,
                            OperatorClock* clock) {
  std::vector<Span> spans;
  for (const Continuation& next : continuations) {
    GLIMMER_TRY(CheckText(model.config, next.sequence->length, next.ids));
    spans.push_back({next.sequence, 0, next.ids.size(), next.sequence->length});
  }
  Pass pass = MakePass(model, pool, observer, std::move(spans));
  pass.clock = clock;
  const OwnedMatrix x(pass.rows(), model.config.hidden_size);
  EmbedAll(pass, continuations, x);
  Selection selection;
  for (size_t layer = 0; layer < model.weights.layers.size(); ++layer) {
    ApplyBlock(pass, layer, model.weights.layers[layer], x, selection);
  }
  GLIMMER_TRY(pass.faults->status());
  for (const Continuation& next : continuations) next.sequence->length += next.ids.size();
  return NormRows(pass, x, model.weights.norm);
}

OwnedMatrix Logits(const Model& model, base::ThreadPool& pool, ConstMatrix hidden,
                   OperatorClock* clock) {
  Pass pass = MakePass(model, pool, nullptr, {});
  pass.clock = clock;
  const OperatorTimer timer(pass, Operator::kLmHead);
  LinearInput input(pass, hidden);
  return Apply(pass, input, model.weights.lm_head);
}

}  // namespace glimmer::model
