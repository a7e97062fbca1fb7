#include "model/mlp.h"

#include <algorithm>

#include "kernels/elementwise.h"
#include "model/gated_mlp.h"
#include "model/operator_clock.h"
#include "model/router.h"

namespace glimmer::model {
namespace {

using tensor::ConstMatrix;
using tensor::Matrix;
using tensor::OwnedMatrix;

// Rows of all experts together that are computed at once: bounds the memory for what is between
// the projections (170 MB for GLM-5.1, unless one expert has more rows).
constexpr size_t kRowsAtOnce = 4096;

// The rows that visit an expert, with the expert's weights for them.
struct Visits {
  std::vector<uint32_t> rows;
  std::vector<float> weights;
};

std::vector<Visits> VisitsByExpert(const Routes& routes, size_t experts) {
  std::vector<Visits> visits(experts);
  for (size_t row = 0; row < routes.size(); ++row) {
    for (const Route& route : routes[row]) {
      visits[route.expert].rows.push_back(static_cast<uint32_t>(row));
      visits[route.expert].weights.push_back(route.weight);
    }
  }
  return visits;
}

// Experts [first, last) into `sums`, expert by expert for each row.
void AddExperts(const Pass& pass, const MoeWeights& weights, std::span<const Visits> visits,
                size_t first, size_t last, ConstMatrix x, LinearInput& all_rows, Matrix sums) {
  std::deque<LinearInput> inputs;
  std::vector<MlpJob> jobs;
  // For each row, where the results for it stand.
  std::vector<std::vector<std::pair<size_t, float>>> parts(x.rows);
  size_t results = 0;
  for (size_t expert = first; expert < last; ++expert) {
    const Visits& of_expert = visits[expert];
    if (of_expert.rows.empty()) continue;
    const bool has_all = of_expert.rows.size() == x.rows;
    LinearInput& input = has_all ? all_rows : inputs.emplace_back(pass, x, of_expert.rows);
    jobs.push_back({&weights.experts[expert], &input});
    for (size_t i = 0; i < of_expert.rows.size(); ++i) {
      parts[of_expert.rows[i]].emplace_back(results++, of_expert.weights[i]);
    }
  }
  if (jobs.empty()) return;
  const OwnedMatrix outputs = ApplyMlps(pass, jobs);
  ForEachRow(pass, x.rows, [&](size_t row) {
    for (const auto& [result, weight] : parts[row]) {
      kernels::AddScaled(weight, outputs.view().row_span(result), sums.row_span(row));
    }
  });
}

OwnedMatrix ApplyShared(const Pass& pass, const MlpWeights& weights, LinearInput& x) {
  const OperatorTimer timer(pass, Operator::kSharedExpert);
  const MlpJob job = {&weights, &x};
  return ApplyMlps(pass, {&job, 1});
}

}  // namespace

OwnedMatrix ApplyMlp(const Pass& pass, const MlpWeights& weights, ConstMatrix x) {
  LinearInput input(pass, x);
  const MlpJob job = {&weights, &input};
  return ApplyMlps(pass, {&job, 1});
}

OwnedMatrix ApplyMoe(const Pass& pass, size_t layer, const MoeWeights& weights, ConstMatrix x) {
  const OperatorTimer timer(pass, Operator::kRoutedExperts);
  const Routes routes = ChooseExperts(pass, layer, weights, x);
  if (pass.observer != nullptr) pass.observer->OnRoutes(layer, routes);
  const OwnedMatrix routed(x.rows, x.cols);
  std::fill(routed.elements().begin(), routed.elements().end(), 0.0f);
  const std::vector<Visits> visits = VisitsByExpert(routes, weights.experts.size());
  LinearInput all_rows(pass, x);
  for (size_t first = 0, last; first < visits.size(); first = last) {
    size_t rows = visits[first].rows.size();
    for (last = first + 1; last < visits.size(); ++last) {
      rows += visits[last].rows.size();
      if (rows > kRowsAtOnce) break;
    }
    AddExperts(pass, weights, visits, first, last, x, all_rows, routed);
  }
  OwnedMatrix y = ApplyShared(pass, weights.shared, all_rows);
  ForEachRow(pass, x.rows, [&](size_t row) {
    kernels::AddScaled(1.0f, routed.view().row_span(row), y.view().row_span(row));
  });
  return y;
}

}  // namespace glimmer::model
