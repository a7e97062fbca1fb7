// Counts what linears read into the statistics of their input groups.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "model/pass.h"
#include "quant/input_stats.h"

namespace glimmer::quant {

class StatsObserver : public model::Observer {
 public:
  // All must outlive the observer.
  StatsObserver(const std::vector<model::TensorSpec>& specs, base::ThreadPool& pool);

  void OnLinearInput(const model::Weight& weight, tensor::ConstMatrix x) override;

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

}  // namespace glimmer::quant
