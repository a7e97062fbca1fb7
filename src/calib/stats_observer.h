// Counts what linears read into the statistics of their input groups.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "calib/input_stats.h"
#include "model/pass.h"

namespace glimmer::calib {

class StatsObserver : public model::Observer {
 public:
  // All must outlive the observer.
  StatsObserver(const std::vector<model::TensorSpec>& specs, base::ThreadPool& pool);

  void OnLinearInput(const model::Weight& weight, kernels::RowPointers rows, size_t cols) override;

  // The tokens that a routed expert sees weigh this much together.
  void AddRoutingWeight(const model::Weight& gate_proj, double weight) {
    stats_[specs_[gate_proj.id].input_group].routing_weight += weight;
  }

  InputStats& stats() { return stats_; }
  // The module whose input was not finite, the first one.
  const std::optional<std::string>& broken_module() const { return broken_module_; }

 private:
  const std::vector<model::TensorSpec>& specs_;
  base::ThreadPool& pool_;
  InputStats stats_;
  std::vector<uint32_t> first_of_group_;  // the linear that counts for its group
  std::optional<std::string> broken_module_;
};

}  // namespace glimmer::calib
