#include "quant/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "base/scratch_file.h"
#include "kernels/elementwise.h"
#include "model/block.h"
#include "model/embedding.h"
#include "model/mlp.h"
#include "model/router.h"
#include "quant/stats_observer.h"

namespace glimmer::quant {
namespace {

using base::Result;
using base::Status;
using tensor::ConstMatrix;
using tensor::Matrix;
using tensor::OwnedMatrix;

// Rows [first, first + count) are the tokens of sequences [begin, end).
struct Batch {
  size_t begin, end;
  size_t first, count;
};

std::vector<Batch> CutIntoBatches(std::span<const std::vector<int32_t>> sequences,
                                  size_t batch_tokens) {
  std::vector<Batch> batches;
  size_t row = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const size_t tokens = sequences[i].size();
    if (batches.empty() || batches.back().count + tokens > batch_tokens) {
      batches.push_back({i, i, row, 0});
    }
    batches.back().end = i + 1;
    batches.back().count += tokens;
    row += tokens;
  }
  return batches;
}

class Calibrator {
 public:
  Calibrator(const model::Model& model, const std::vector<model::TensorSpec>& specs,
             base::ThreadPool& pool, std::span<const std::vector<int32_t>> sequences,
             const CalibrationOptions& options, const base::CancelFlag& cancel,
             std::atomic<uint64_t>& done)
      : model_(model),
        specs_(specs),
        pool_(pool),
        sequences_(sequences),
        options_(options),
        cancel_(cancel),
        done_(done),
        observer_(specs, pool),
        batches_(CutIntoBatches(sequences, options.batch_tokens)),
        selections_(batches_.size()) {}

  Result<InputStats> Run() {
    const size_t tokens = batches_.back().first + batches_.back().count;
    const size_t width = model_.config.hidden_size;
    const size_t bytes = tokens * width * sizeof(float);
    GLIMMER_ASSIGN(const base::ScratchFile x_file,
                   base::ScratchFile::Create(options_.scratch_folder, bytes));
    GLIMMER_ASSIGN(const base::ScratchFile normed_file,
                   base::ScratchFile::Create(options_.scratch_folder, bytes));
    x_ = {reinterpret_cast<float*>(x_file.bytes().data()), tokens, width, width};
    normed_ = {reinterpret_cast<float*>(normed_file.bytes().data()), tokens, width, width};
    for (size_t i = 0, row = 0; i < sequences_.size(); row += sequences_[i++].size()) {
      GLIMMER_TRY(model::CheckIds(model_.config, sequences_[i]));
      model::Embed(model_, sequences_[i], x_.Rows(row, sequences_[i].size()));
    }
    for (size_t layer = 0; layer < model_.weights.layers.size(); ++layer) {
      GLIMMER_TRY(RunLayer(layer));
    }
    GLIMMER_TRY(MeasureHeadInput());
    return std::move(observer_.stats());
  }

 private:
  // What linears read is seen by the observer.
  model::Pass PassOver(std::vector<model::Span> spans) {
    return model::MakePass(model_, pool_, &observer_, std::move(spans));
  }

  Status RunLayer(size_t layer) {
    const model::LayerWeights& weights = model_.weights.layers[layer];
    const auto* moe = std::get_if<model::MoeWeights>(&weights.mlp);
    visits_.assign(moe == nullptr ? 0 : moe->experts.size(), {});
    for (size_t b = 0; b < batches_.size(); ++b) {
      if (cancel_.IsSet()) return base::Cancelled("interrupted");
      RunAttention(layer, weights, b);
      RunUnrouted(weights, batches_[b]);
      done_ += batches_[b].count;
      GLIMMER_TRY(CheckFinite());
    }
    for (size_t expert = 0; expert < visits_.size(); ++expert) {
      if (cancel_.IsSet()) return base::Cancelled("interrupted");
      RunExpert(moe->experts[expert], visits_[expert]);
      GLIMMER_TRY(CheckFinite());
    }
    return {};
  }

  void RunAttention(size_t layer, const model::LayerWeights& weights, size_t b) {
    const Batch& batch = batches_[b];
    std::deque<model::Sequence> caches;
    std::vector<model::Span> spans;
    for (size_t i = batch.begin; i < batch.end; ++i) {
      spans.push_back({&caches.emplace_back(model_), 0, sequences_[i].size(), 0});
    }
    const model::Pass pass = PassOver(std::move(spans));
    const Matrix x = x_.Rows(batch.first, batch.count);
    model::ApplyAttention(pass, layer, weights, x, selections_[b]);
    const OwnedMatrix normed = model::NormRows(pass, x, weights.post_attention_norm);
    for (size_t row = 0; row < batch.count; ++row) {
      std::copy_n(normed.row(row), normed.cols(), normed_.row(batch.first + row));
    }
  }

  // The dense MLP, or the shared expert; routes of the others are noted.
  void RunUnrouted(const model::LayerWeights& weights, const Batch& batch) {
    const model::Pass pass = PassOver({});
    const ConstMatrix normed = normed_.Rows(batch.first, batch.count);
    const auto* moe = std::get_if<model::MoeWeights>(&weights.mlp);
    const model::MlpWeights& mlp =
        moe == nullptr ? std::get<model::MlpWeights>(weights.mlp) : moe->shared;
    if (moe != nullptr) {
      const model::Routes routes = model::ChooseExperts(pass, *moe, normed);
      for (size_t row = 0; row < routes.size(); ++row) {
        for (const model::Route& route : routes[row]) {
          visits_[route.expert].push_back({static_cast<uint32_t>(batch.first + row), route.weight});
        }
      }
    }
    const OwnedMatrix y = model::ApplyMlp(pass, mlp, normed);
    for (size_t row = 0; row < batch.count; ++row) {
      kernels::AddScaled(1.0f, y.view().row_span(row), x_.row_span(batch.first + row));
    }
  }

  struct Visit {
    uint32_t row;
    float weight;
  };

  void RunExpert(const model::MlpWeights& expert, std::span<const Visit> visits) {
    GroupStats& stats = observer_.stats()[specs_[expert.gate_proj.id].input_group];
    for (size_t first = 0; first < visits.size(); first += options_.batch_tokens) {
      const auto part =
          visits.subspan(first, std::min(options_.batch_tokens, visits.size() - first));
      const model::Pass pass = PassOver({});
      const OwnedMatrix gathered(part.size(), x_.cols);
      model::ForEachRow(pass, part.size(), [&](size_t i) {
        std::copy_n(normed_.row(part[i].row), x_.cols, gathered.row(i));
      });
      const OwnedMatrix y = model::ApplyMlp(pass, expert, gathered);
      model::ForEachRow(pass, part.size(), [&](size_t i) {
        kernels::AddScaled(part[i].weight, y.view().row_span(i), x_.row_span(part[i].row));
      });
      for (const Visit& visit : part) stats.routing_weight += visit.weight;
    }
  }

  Status MeasureHeadInput() {
    for (const Batch& batch : batches_) {
      const model::Pass pass = PassOver({});
      const OwnedMatrix normed =
          model::NormRows(pass, x_.Rows(batch.first, batch.count), model_.weights.norm);
      observer_.OnLinearInput(model_.weights.lm_head, normed);
    }
    return CheckFinite();
  }

  Status CheckFinite() const {
    if (!observer_.broken_module()) return {};
    return base::Corrupt(fmt::format(
        "the input of {} is not finite: the weights before it, or the calibration, are broken",
        *observer_.broken_module()));
  }

  const model::Model& model_;
  const std::vector<model::TensorSpec>& specs_;
  base::ThreadPool& pool_;
  std::span<const std::vector<int32_t>> sequences_;
  const CalibrationOptions& options_;
  const base::CancelFlag& cancel_;
  std::atomic<uint64_t>& done_;
  StatsObserver observer_;
  std::vector<Batch> batches_;
  std::vector<model::Selection> selections_;  // by batch, for layers that share an indexer
  std::vector<std::vector<Visit>> visits_;    // by expert of the current layer
  Matrix x_, normed_;                         // [tokens, H]
};

}  // namespace

Result<InputStats> Calibrate(const model::Model& model, const std::vector<model::TensorSpec>& specs,
                             base::ThreadPool& pool,
                             std::span<const std::vector<int32_t>> sequences,
                             const CalibrationOptions& options, const base::CancelFlag& cancel,
                             std::atomic<uint64_t>& tokens_done) {
  if (sequences.empty()) return base::Invalid("calibration: expected at least one sequence");
  return Calibrator(model, specs, pool, sequences, options, cancel, tokens_done).Run();
}

}  // namespace glimmer::quant
