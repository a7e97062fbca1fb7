// What all parts of one pass through the model share: the rows that are computed together, the
// threads, and who watches or measures.
//
// A pass computes T rows at once, each one token of one sequence. The rows of a sequence stand
// together and in order; they continue where its cache ends.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/packed_rows.h"
#include "kernels/rope.h"
#include "model/model.h"
#include "model/sequence.h"
#include "tensor/matrix.h"

namespace glimmer::model {

// Rows [first_row, first_row + count) are positions [first_position, …) of a sequence.
struct Span {
  Sequence* sequence;
  size_t first_row;
  size_t count;
  size_t first_position;
};

class OperatorClock;  // model/operator_clock.h

// For each row, the positions that it attends to, ascending; an empty list means all up to its own.
// Made by a layer with an indexer, kept by the layers that share it.
using Selection = std::vector<std::vector<uint32_t>>;

// The experts of one token with their weights, by expert.
struct Route {
  uint32_t expert;
  float weight;
};
using Routes = std::vector<std::vector<Route>>;  // by row

// Sees intermediate results. Called on the thread that runs the pass; `layer` counts the main
// layers, then the MTP layers.
class Observer {
 public:
  virtual ~Observer() = default;
  // The residual stream behind the layer, [T, H].
  virtual void OnLayer(size_t /*layer*/, tensor::ConstMatrix /*x*/) {}
  virtual void OnSelection(size_t /*layer*/, const Selection& /*selection*/) {}
  virtual void OnRoutes(size_t /*layer*/, const Routes& /*routes*/) {}
  // The rows that a linear reads, before any rounding. The indexer's wq_b and weights_proj are not
  // computed for rows that see no more than index_topk positions.
  virtual void OnLinearInput(const Weight& /*weight*/, kernels::RowPointers /*rows*/,
                             size_t /*cols*/) {}
};

// What went wrong inside a pass: a choice (of positions, of experts) that had to be made between
// numbers that are not. It would leave no trace in the result.
class Faults {
 public:
  // Any thread; the first report counts. `module` without the layer's prefix.
  void Report(size_t layer, const char* module, const char* what);
  // Errors: kCorrupt with the report.
  base::Status status() const;

 private:
  mutable std::mutex mutex_;
  std::optional<std::string> first_;
};

struct Pass {
  const Model& model;
  base::ThreadPool& pool;
  Observer* observer;  // or nullptr
  std::vector<Span> spans;
  kernels::RopeTable rope;  // for the rows' positions
  std::unique_ptr<Faults> faults = std::make_unique<Faults>();
  OperatorClock* clock = nullptr;  // of who measures, or nullptr

  size_t rows() const { return spans.empty() ? 0 : spans.back().first_row + spans.back().count; }
};

// As what products elsewhere than in linears take their numbers: kBf16 where inputs of linears are
// rounded to BF16 or more coarsely, else kF32.
kernels::ActivationType TypeOutsideLinears(const Pass& pass);

// Whether all are finite.
bool AreFinite(std::span<const float> values);

// A pass over these spans; first_row is set here.
Pass MakePass(const Model& model, base::ThreadPool& pool, Observer* observer,
              std::vector<Span> spans);

// Calls body(row) for every row below `rows`, on all threads.
void ForEachRow(const Pass& pass, size_t rows, const std::function<void(size_t row)>& body);

}  // namespace glimmer::model
