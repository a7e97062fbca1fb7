#include "apps/bench_share.h"
#include "apps/bench_view.h"
#include "base/json.h"

namespace glimmer::apps {
namespace {

using base::JsonArray;
using base::JsonObject;
using base::JsonValue;
using model::Operator;
using model::OperatorTotals;

JsonObject SpreadJson(const Spread& spread, size_t times) {
  const auto factor = static_cast<double>(times);
  return {{"low", factor * spread.low},
          {"median", factor * spread.median},
          {"high", factor * spread.high}};
}

const char* BoundName(Bound::By by) {
  return by == Bound::By::kRead ? "memory_read" : "arithmetic";
}

JsonObject CeilingJson(size_t threads, const Ceilings& ceilings) {
  JsonObject json = {{"threads", threads}, {"memory_read_gb_per_s", ceilings.read}};
  for (const kernels::PeakKind kind : kPeaks) {
    json[PeakName(kind)] = JsonObject{{"instruction", kernels::PeakInstruction(kind)},
                                      {"gflop_per_s", ceilings.peak(kind)}};
  }
  return json;
}

// Of all steps together; null stands where a figure has no meaning.
JsonObject TotalsJson(const OperatorTotals& totals, const Ceilings& ceilings,
                      kernels::PeakKind peak) {
  const Bound bound = BoundOf(totals, ceilings, peak);
  const bool bounded = bound.by != Bound::By::kNothing;
  return {{"seconds", totals.seconds},
          {"weight_bytes", totals.weight_bytes},
          {"cache_bytes", totals.cache_bytes},
          {"operations", totals.operations},
          {"gb_per_s", PerSecond(BytesOf(totals), totals.seconds) / 1e9},
          {"gflop_per_s", PerSecond(totals.operations, totals.seconds) / 1e9},
          {"bound", bounded ? JsonValue(BoundName(bound.by)) : JsonValue()},
          {"share_of_bound", bounded ? JsonValue(bound.share) : JsonValue()}};
}

JsonObject RunJson(const BenchRun& run, const Ceilings& ceilings, kernels::PeakKind peak) {
  JsonObject operators;
  for (size_t i = 0; i < model::kOperators; ++i) {
    const auto which = static_cast<Operator>(i);
    operators[OperatorName(which)] = TotalsJson(run.clock.totals(which), ceilings, peak);
  }
  JsonObject json = TotalsJson(run.clock.Sum(), ceilings, peak);
  json["seconds"] = run.seconds;
  json["operators"] = std::move(operators);
  return json;
}

JsonObject ResultJson(const BenchResult& result, const BenchReport& report) {
  const BenchJob& job = result.job;
  const bool prompt = job.kind == BenchJob::Kind::kPrompt;
  const Ceilings& ceilings = report.ceilings.at(job.threads);
  JsonArray runs;
  for (const BenchRun& run : result.runs) runs.push_back(RunJson(run, ceilings, report.peak));
  const BenchRun& median = result.median();
  const OperatorTotals sum = median.clock.Sum();
  const double steps = static_cast<double>(job.steps());
  JsonObject json = {
      {"kind", prompt ? "prompt" : "decode"},
      {"tokens", job.tokens},
      {"depth", job.depth},
      {"streams", job.streams},
      {"threads", job.threads},
      {"tokens_per_s", SpreadJson(result.tokens_per_s(), 1)},
      {"tokens_per_s_in_all", SpreadJson(result.tokens_per_s(), job.streams)},
      {"weight_bytes_per_step", static_cast<double>(sum.weight_bytes) / steps},
      {"cache_bytes_per_step", static_cast<double>(sum.cache_bytes) / steps},
      {"share_of_memory_read", BytesOf(sum) / median.seconds / 1e9 / ceilings.read},
      {"share_of_peak", sum.operations / median.seconds / 1e9 / ceilings.peak(report.peak)}};
  json["median_run"] = &median - result.runs.data();
  json["runs"] = std::move(runs);
  return json;
}

}  // namespace

JsonObject BenchJson(const BenchReport& report) {
  JsonArray ceilings, jobs;
  for (const auto& [threads, best] : report.ceilings) {
    ceilings.push_back(CeilingJson(threads, best));
  }
  for (const BenchResult& result : report.results) jobs.push_back(ResultJson(result, report));
  return {{"ceilings", std::move(ceilings)},
          {"ceilings_measured", report.ceilings_measured},
          {"peak", PeakName(report.peak)},
          {"jobs", std::move(jobs)}};
}

}  // namespace glimmer::apps
