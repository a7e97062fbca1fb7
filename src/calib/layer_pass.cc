#include "calib/layer_pass.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <mutex>

#include "kernels/elementwise.h"
#include "model/mlp.h"

namespace glimmer::calib {
namespace {

using base::Status;
using tensor::ConstMatrix;
using tensor::OwnedMatrix;

// Calls body(row) for every row on all threads; the first error counts.
Status ForEachRow(base::ThreadPool& pool, size_t rows,
                  const std::function<Status(size_t row)>& body) {
  std::mutex mutex;
  Status first;
  base::RunRanges(pool, rows, 1, [&](size_t begin, size_t end, size_t) {
    for (size_t row = begin; row < end; ++row) {
      Status status = body(row);
      if (status.ok()) continue;
      const std::lock_guard lock(mutex);
      if (first.ok()) first = std::move(status);
      return;
    }
  });
  return first;
}

}  // namespace

LayerPass::LayerPass(PassEnvironment environment, const Sequences& sequences, size_t batch_tokens)
    : env_(environment), sequences_(sequences), batch_tokens_(batch_tokens) {
  size_t row = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const size_t tokens = sequences[i].size();
    if (batches_.empty() || batches_.back().count + tokens > batch_tokens) {
      batches_.push_back({i, i, row, 0});
    }
    batches_.back().end = i + 1;
    batches_.back().count += tokens;
    row += tokens;
  }
  for (const Batch& batch : batches_) selections_.emplace_back(batch.count);
}

model::Pass LayerPass::PassOver(std::vector<model::Span> spans) const {
  return model::MakePass(env_.model, env_.pool, &env_.observer, std::move(spans));
}

Status LayerPass::Check(const model::Pass& pass) const {
  if (const auto& module = env_.observer.broken_module()) {
    return base::Corrupt(fmt::format(
        "layer {}: the input of {} is not finite: weights before it are broken", layer_, *module));
  }
  if (env_.cancel.IsSet()) return base::Cancelled("stopped");
  return pass.faults->status();
}

Status LayerPass::Begin(size_t layer, const model::LayerWeights& weights) {
  layer_ = layer;
  weights_ = &weights;
  const auto* moe = std::get_if<model::MoeWeights>(&weights.mlp);
  visits_.assign(moe == nullptr ? 0 : moe->experts.size(), {});
  for (size_t b = 0; b < batches_.size(); ++b) {
    GLIMMER_TRY(RunAttention(b));
    env_.work_done += batches_[b].count * env_.model.config.num_experts_per_tok;
  }
  return {};
}

Status LayerPass::RunAttention(size_t b) {
  const Batch& batch = batches_[b];
  std::deque<model::Sequence> caches;
  std::vector<model::Span> spans;
  for (size_t i = batch.begin; i < batch.end; ++i) {
    spans.push_back({&caches.emplace_back(env_.model), 0, sequences_[i].size(), 0});
  }
  const model::Pass pass = PassOver(std::move(spans));
  const OwnedMatrix x(batch.count, env_.states.before().cols());
  GLIMMER_TRY(env_.states.before().Read(batch.first, x));
  model::ApplyAttention(pass, layer_, *weights_, x, selections_[b]);
  GLIMMER_TRY(env_.states.behind().Write(batch.first, x));
  GLIMMER_TRY(Check(pass));
  if (!NextShares()) selections_[b] = model::Selection(batch.count);
  const auto* moe = std::get_if<model::MoeWeights>(&weights_->mlp);
  if (moe == nullptr) return {};
  const OwnedMatrix normed = model::NormRows(pass, x, weights_->post_attention_norm);
  GLIMMER_TRY(env_.states.normed().Write(batch.first, normed));
  return ChooseExperts(*moe, batch, normed);
}

Status LayerPass::ChooseExperts(const model::MoeWeights& moe, const Batch& batch,
                                ConstMatrix normed) {
  const model::Pass pass = PassOver({});
  const model::Routes routes = model::ChooseExperts(pass, layer_, moe, normed);
  for (size_t row = 0; row < routes.size(); ++row) {
    for (const model::Route& route : routes[row]) {
      visits_[route.expert].push_back({static_cast<uint32_t>(batch.first + row), route.weight});
    }
  }
  return Check(pass);
}

Status LayerPass::RunExpert(size_t expert, const model::MlpWeights& weights) {
  const std::vector<Visit>& visits = visits_[expert];
  double routing_weight = 0;
  for (const Visit& visit : visits) routing_weight += visit.weight;
  env_.observer.AddRoutingWeight(weights.gate_proj, routing_weight);
  for (size_t first = 0; first < visits.size(); first += batch_tokens_) {
    Visits next = Piece(expert, first + batch_tokens_);
    if (next.empty()) next = Piece(expert + 1, 0);
    GLIMMER_TRY(RunVisits(weights, Piece(expert, first), next));
  }
  env_.work_done += visits.size();
  return {};
}

LayerPass::Visits LayerPass::Piece(size_t expert, size_t first) const {
  if (expert >= visits_.size() || first >= visits_[expert].size()) return {};
  const Visits visits = visits_[expert];
  return visits.subspan(first, std::min(batch_tokens_, visits.size() - first));
}

// Asks the disk for what `next` will read while the processor multiplies.
Status LayerPass::RunVisits(const model::MlpWeights& weights, Visits visits, Visits next) {
  const model::Pass pass = PassOver({});
  const size_t width = env_.states.normed().cols();
  const OwnedMatrix gathered(visits.size(), width);
  model::ForEachRow(pass, next.size(), [&](size_t i) { env_.states.WillVisit(next[i].row); });
  GLIMMER_TRY(ForEachRow(env_.pool, visits.size(), [&](size_t i) {
    return env_.states.normed().Read(visits[i].row, gathered.view().Rows(i, 1));
  }));
  const OwnedMatrix y = model::ApplyMlp(pass, weights, gathered);
  GLIMMER_TRY(ForEachRow(env_.pool, visits.size(), [&](size_t i) -> Status {
    const tensor::Matrix sum = gathered.view().Rows(i, 1);
    GLIMMER_TRY(env_.states.ReadRouted(visits[i].row, sum));
    kernels::AddScaled(visits[i].weight, y.view().row_span(i), sum.row_span(0));
    return env_.states.WriteRouted(visits[i].row, sum);
  }));
  return Check(pass);
}

Status LayerPass::End() {
  const auto* moe = std::get_if<model::MoeWeights>(&weights_->mlp);
  for (const Batch& batch : batches_) {
    const model::Pass pass = PassOver({});
    const OwnedMatrix x(batch.count, env_.states.behind().cols());
    GLIMMER_TRY(env_.states.behind().Read(batch.first, x));
    const OwnedMatrix normed = model::NormRows(pass, x, weights_->post_attention_norm);
    const OwnedMatrix y = model::ApplyMlp(
        pass, moe == nullptr ? std::get<model::MlpWeights>(weights_->mlp) : moe->shared, normed);
    if (moe != nullptr) {
      const OwnedMatrix routed(batch.count, x.cols());
      GLIMMER_TRY(env_.states.ReadRouted(batch.first, routed));
      kernels::AddScaled(1.0f, routed.elements(), y.elements());
    }
    model::ForEachRow(pass, x.rows(), [&](size_t row) {
      kernels::AddScaled(1.0f, y.view().row_span(row), x.view().row_span(row));
    });
    GLIMMER_TRY(env_.states.WriteResult(batch.first, x));
    GLIMMER_TRY(Check(pass));
    if (moe == nullptr) env_.work_done += batch.count * env_.model.config.num_experts_per_tok;
  }
  return {};
}

bool LayerPass::NextShares() const {
  return layer_ + 1 < env_.model.weights.layers.size() &&
         env_.model.config.indexer_kind(layer_ + 1) == model::IndexerKind::kShared;
}

bool LayerPass::NextNeedsSelections() const {
  if (!NextShares()) return false;
  return std::any_of(selections_.begin(), selections_.end(), [](const model::Selection& rows) {
    return std::any_of(rows.begin(), rows.end(),
                       [](const auto& chosen) { return !chosen.empty(); });
  });
}

uint64_t CalibrationWork(const model::Config& config, const Sequences& sequences) {
  return 2 * ShapeOf(sequences).tokens * config.num_experts_per_tok * config.num_hidden_layers;
}

}  // namespace glimmer::calib
