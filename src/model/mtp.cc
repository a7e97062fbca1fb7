#include "model/mtp.h"

#include <algorithm>

#include "base/check.h"
#include "model/block.h"
#include "model/embedding.h"
#include "model/linear.h"

namespace glimmer::model {

using base::Result;
using tensor::ConstMatrix;
using tensor::OwnedMatrix;

Result<OwnedMatrix> ForwardMtp(const Model& model, base::ThreadPool& pool, size_t mtp_layer,
                               Continuation next, ConstMatrix hidden, Observer* observer) {
  GLIMMER_CHECK(mtp_layer < model.weights.mtp.size() && hidden.rows == next.ids.size());
  GLIMMER_TRY(CheckText(model.config, next.sequence->mtp_length, next.ids));
  const MtpWeights& weights = model.weights.mtp[mtp_layer];
  const size_t width = model.config.hidden_size;
  const Pass pass = MakePass(model, pool, observer,
                             {{next.sequence, 0, next.ids.size(), next.sequence->mtp_length}});
  const OwnedMatrix embedded(pass.rows(), width);
  Embed(model, next.ids, embedded);
  const OwnedMatrix normed_embedding = NormRows(pass, embedded, weights.enorm);
  const OwnedMatrix normed_hidden = NormRows(pass, hidden, weights.hnorm);
  const OwnedMatrix joined(pass.rows(), 2 * width);
  ForEachRow(pass, joined.rows(), [&](size_t row) {
    std::copy_n(normed_embedding.row(row), width, joined.row(row));
    std::copy_n(normed_hidden.row(row), width, joined.row(row) + width);
  });
  LinearInput input(pass, joined);
  const OwnedMatrix x = Apply(pass, input, weights.eh_proj);
  Selection selection;
  ApplyBlock(pass, model.weights.layers.size() + mtp_layer, weights.layer, x, selection);
  GLIMMER_TRY(pass.faults->status());
  next.sequence->mtp_length += next.ids.size();
  return NormRows(pass, x, weights.head_norm);
}

}  // namespace glimmer::model
