// One layer over all calibration tokens: attention and router in batches of whole sequences, then
// each routed expert over all its tokens at once, then the sum. What linears read goes to the
// observer. The arithmetic, and its order, are those of model::ApplyBlock().
#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "base/result.h"
#include "calib/hidden_states.h"
#include "calib/sequences.h"
#include "calib/stats_observer.h"
#include "model/block.h"
#include "model/router.h"

namespace glimmer::calib {

struct PassEnvironment {
  const model::Model& model;
  base::ThreadPool& pool;
  StatsObserver& observer;
  HiddenStates& states;
  const base::CancelFlag& cancel;
  std::atomic<uint64_t>& work_done;  // see CalibrationWork()
};

class LayerPass {
 public:
  // Batches hold at most `batch_tokens` tokens, or one sequence that is longer.
  LayerPass(PassEnvironment environment, const Sequences& sequences, size_t batch_tokens);

  // The layer up to its routed experts. `weights` must live until End().
  // Errors of all three: kCorrupt, naming the module, when an activation is not finite; kIo,
  // kExhausted; kCancelled.
  base::Status Begin(size_t layer, const model::LayerWeights& weights);
  // REQUIRES: the layer has routed experts.
  base::Status RunExpert(size_t expert, const model::MlpWeights& weights);
  // Writes the layer's result to behind().
  base::Status End();
  // Whether the layer chose positions that the next one, sharing its indexer, attends to. They are
  // in memory only.
  bool NextNeedsSelections() const;

 private:
  // Rows [first, first + count) are the tokens of sequences [begin, end).
  struct Batch {
    size_t begin, end;
    size_t first, count;
  };
  struct Visit {
    uint32_t row;
    float weight;
  };

  bool NextShares() const;
  model::Pass PassOver(std::vector<model::Span> spans) const;
  base::Status RunAttention(size_t b);
  base::Status ChooseExperts(const model::MoeWeights& moe, const Batch& batch,
                             tensor::ConstMatrix normed);
  using Visits = std::span<const Visit>;
  // At most batch_tokens_ of an expert's visits, from `first` on; none behind its last.
  Visits Piece(size_t expert, size_t first) const;
  base::Status RunVisits(const model::MlpWeights& weights, Visits visits, Visits next);
  base::Status Check(const model::Pass& pass) const;

  PassEnvironment env_;
  const Sequences& sequences_;
  size_t batch_tokens_;
  std::vector<Batch> batches_;
  std::vector<model::Selection> selections_;  // by batch, for layers that share an indexer
  size_t layer_ = 0;
  const model::LayerWeights* weights_ = nullptr;
  std::vector<std::vector<Visit>> visits_;  // by expert; empty in dense layers
};

// What work_done reaches: a layer counts every token once for each expert that it is routed to, and
// as much again for attention.
uint64_t CalibrationWork(const model::Config& config, const Sequences& sequences);

}  // namespace glimmer::calib
