// What `glimmer bench MODEL_DIR` measured, as tables and as JSON.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/bench_ceilings.h"
#include "apps/bench_model.h"
#include "base/json_types.h"

namespace glimmer::apps {

struct BenchReport {
  std::vector<BenchResult> results{};     // each with at least one run
  std::map<size_t, Ceilings> ceilings{};  // by number of threads
  size_t ceilings_measured = 0;           // times, the best of which count
  // What products of this model are measured against.
  kernels::PeakKind peak = kernels::PeakKind::kF32;
};

// Ceilings, a line for each job, and the operator table of each job's median run. 80 columns
// wide unless both threads and streams differ.
std::string BenchText(const BenchReport& report);
// {"ceilings": […], "jobs": […]}, every run of each job included.
base::JsonObject BenchJson(const BenchReport& report);

}  // namespace glimmer::apps
