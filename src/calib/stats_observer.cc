#include "calib/stats_observer.h"

#include <algorithm>

namespace glimmer::calib {
namespace {

constexpr size_t kRowGrain = 64;

}  // namespace

StatsObserver::StatsObserver(const std::vector<model::TensorSpec>& specs, base::ThreadPool& pool)
    : specs_(specs), pool_(pool) {
  uint32_t groups = 0;
  for (const model::TensorSpec& spec : specs) groups = std::max(groups, spec.input_group + 1);
  stats_.resize(groups);
  first_of_group_.assign(groups, UINT32_MAX);
  for (uint32_t i = 0; i < specs.size(); ++i) {
    uint32_t& first = first_of_group_[specs[i].input_group];
    if (model::IsLinear(specs[i].kind)) first = std::min(first, i);
  }
}

void StatsObserver::OnLinearInput(const model::Weight& weight, kernels::RowPointers rows,
                                  size_t cols) {
  const model::TensorSpec& spec = specs_[weight.id];
  if (first_of_group_[spec.input_group] != weight.id) return;
  std::vector<GroupStats> parts(pool_.threads());
  std::atomic<bool> finite{true};
  base::RunRanges(pool_, rows.size(), kRowGrain, [&](size_t first, size_t last, size_t thread) {
    for (size_t row = first; row < last; ++row) {
      if (!parts[thread].Add({rows[row], cols})) finite = false;
    }
  });
  for (const GroupStats& part : parts) stats_[spec.input_group].Merge(part);
  if (!finite && !broken_module_) broken_module_ = model::ModuleName(spec.name);
}

}  // namespace glimmer::calib
