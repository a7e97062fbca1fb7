#include "model/mlp.h"

#include <algorithm>

#include "kernels/elementwise.h"
#include "model/linear.h"
#include "model/operator_clock.h"
#include "model/router.h"

namespace glimmer::model {
namespace {

using tensor::ConstMatrix;
using tensor::OwnedMatrix;

struct Visit {
  size_t row;
  float weight;
};

// The rows that visit each expert, [E].
std::vector<std::vector<Visit>> VisitsByExpert(const Routes& routes, size_t experts) {
  std::vector<std::vector<Visit>> visits(experts);
  for (size_t row = 0; row < routes.size(); ++row) {
    for (const Route& route : routes[row]) visits[route.expert].push_back({row, route.weight});
  }
  return visits;
}

OwnedMatrix ApplyShared(const Pass& pass, const MlpWeights& weights, ConstMatrix x) {
  const OperatorTimer timer(pass, Operator::kSharedExpert);
  return ApplyMlp(pass, weights, x);
}

}  // namespace

OwnedMatrix ApplyMlp(const Pass& pass, const MlpWeights& weights, ConstMatrix x) {
  LinearInput input(pass, x);
  const OwnedMatrix gate = Apply(pass, input, weights.gate_proj);
  const OwnedMatrix up = Apply(pass, input, weights.up_proj);
  ForEachRow(pass, x.rows, [&](size_t row) {
    const std::span<float> to = gate.view().row_span(row);
    kernels::SiluMul(to, up.view().row_span(row), to);
  });
  LinearInput product(pass, gate);
  return Apply(pass, product, weights.down_proj);
}

OwnedMatrix ApplyMoe(const Pass& pass, size_t layer, const MoeWeights& weights, ConstMatrix x) {
  const OperatorTimer timer(pass, Operator::kRoutedExperts);
  const Routes routes = ChooseExperts(pass, layer, weights, x);
  if (pass.observer != nullptr) pass.observer->OnRoutes(layer, routes);
  OwnedMatrix routed(x.rows, x.cols);
  std::fill(routed.elements().begin(), routed.elements().end(), 0.0f);
  const auto visits = VisitsByExpert(routes, weights.experts.size());
  for (size_t expert = 0; expert < visits.size(); ++expert) {
    if (visits[expert].empty()) continue;
    const OwnedMatrix gathered(visits[expert].size(), x.cols);
    for (size_t i = 0; i < gathered.rows(); ++i) {
      std::copy_n(x.row(visits[expert][i].row), x.cols, gathered.row(i));
    }
    const OwnedMatrix result = ApplyMlp(pass, weights.experts[expert], gathered);
    for (size_t i = 0; i < gathered.rows(); ++i) {
      const Visit& visit = visits[expert][i];
      kernels::AddScaled(visit.weight, result.view().row_span(i),
                         routed.view().row_span(visit.row));
    }
  }
  OwnedMatrix y = ApplyShared(pass, weights.shared, x);
  kernels::AddScaled(1.0f, routed.elements(), y.elements());
  return y;
}

}  // namespace glimmer::model
