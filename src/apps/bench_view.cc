#include "apps/bench_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/bench_share.h"
#include "apps/terminal.h"
#include "base/text.h"

namespace glimmer::apps {
namespace {

using base::WithCommas;
using kernels::PeakKind;
using model::Operator;
using model::OperatorTotals;

constexpr Align kLeft = Align::kLeft, kRight = Align::kRight;

// Three digits that matter, without a power of ten: 0.012, 1.23, 123, 12345.
std::string Digits(double value) {
  const int places = value < 0.9995 ? 3 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f}", value, places);
}

std::string Percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

std::string DigitsOrNothing(double value) { return value > 0 ? Digits(value) : ""; }

std::string RangeText(const Spread& spread) {
  return fmt::format("{} to {}", Digits(spread.low), Digits(spread.high));
}

std::string CeilingsText(const BenchReport& report) {
  std::vector<std::string> headings = {"threads", "memory read"};
  std::vector<Align> alignment = {kRight, kRight};
  for (const PeakKind kind : kPeaks) {
    headings.push_back(fmt::format("{} {}", PeakName(kind), kernels::PeakInstruction(kind)));
    alignment.push_back(kRight);
  }
  Table table(std::move(headings), std::move(alignment));
  for (const auto& [threads, best] : report.ceilings) {
    std::vector<std::string> row = {WithCommas(threads), fmt::format("{} GB/s", Digits(best.read))};
    for (const PeakKind kind : kPeaks) {
      row.push_back(fmt::format("{} G{}/s", Digits(best.peak(kind)),
                                kind == PeakKind::kInt8 ? "op" : "FLOP"));
    }
    table.AddRow(std::move(row));
  }
  return fmt::format("{} (best of {} measurements around the jobs)\n{}",
                     Bold("ceilings of this machine"), report.ceilings_measured, table.Text());
}

// A table of the jobs of one kind, built column by column.
class JobTable {
 public:
  JobTable(const BenchReport& report, BenchJob::Kind kind) {
    for (const BenchResult& result : report.results) {
      if (result.job.kind == kind) results_.push_back(&result);
    }
    cells_.resize(results_.size());
  }

  bool empty() const { return results_.empty(); }
  const BenchJob& first_job() const { return results_.front()->job; }

  template <typename Cell>  // (const BenchResult&) -> text
  void Add(std::string heading, Cell cell) {
    headings_.push_back(std::move(heading));
    for (size_t i = 0; i < results_.size(); ++i) cells_[i].push_back(cell(*results_[i]));
  }
  // Where all jobs agree a column would say nothing.
  void AddIfDifferent(std::string heading, size_t BenchJob::*field) {
    if (!Differs(field)) return;
    Add(std::move(heading), [&](const BenchResult& r) { return WithCommas(r.job.*field); });
  }
  bool Differs(size_t BenchJob::*field) const {
    return std::any_of(results_.begin(), results_.end(), [&](const BenchResult* result) {
      return result->job.*field != first_job().*field;
    });
  }

  std::string Text() const {
    Table table(headings_, std::vector<Align>(headings_.size(), kRight));
    for (const auto& row : cells_) table.AddRow(row);
    return table.Text();
  }

 private:
  std::vector<const BenchResult*> results_;
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> cells_;  // by row
};

void AddJobColumns(JobTable& table) {
  table.Add("depth", [](const BenchResult& r) { return WithCommas(r.job.depth); });
  table.AddIfDifferent("threads", &BenchJob::threads);
  table.AddIfDifferent("streams", &BenchJob::streams);
  table.Add("tokens/s", [](const BenchResult& r) { return Digits(r.tokens_per_s().median); });
  table.Add("low to high", [](const BenchResult& r) { return RangeText(r.tokens_per_s()); });
}

std::string PromptsText(const BenchReport& report) {
  JobTable table(report, BenchJob::Kind::kPrompt);
  if (table.empty()) return "";
  AddJobColumns(table);
  const auto gflops = [](const BenchRun& run) {
    return run.clock.Sum().operations / run.seconds / 1e9;
  };
  table.Add("GFLOP/s", [&](const BenchResult& r) { return Digits(gflops(r.median())); });
  table.Add(fmt::format("of {} peak", PeakName(report.peak)), [&](const BenchResult& r) {
    return Percent(gflops(r.median()) / report.ceilings.at(r.job.threads).peak(report.peak));
  });
  return fmt::format("\n{}\n{}",
                     Bold(fmt::format("prompt of {} tokens", WithCommas(table.first_job().tokens))),
                     table.Text());
}

std::string DecodesText(const BenchReport& report) {
  JobTable table(report, BenchJob::Kind::kDecode);
  if (table.empty()) return "";
  const BenchJob& job = table.first_job();
  const bool several = table.Differs(&BenchJob::streams) || job.streams > 1;
  AddJobColumns(table);
  if (several) {
    table.Add("in all", [](const BenchResult& r) {
      return Digits(r.tokens_per_s().median * static_cast<double>(r.job.streams));
    });
  }
  const auto gigabytes = [](const BenchRun& run) { return BytesOf(run.clock.Sum()) / 1e9; };
  table.Add("GB/step", [&](const BenchResult& r) {
    return Digits(gigabytes(r.median()) / static_cast<double>(r.job.steps()));
  });
  table.Add("GB/s", [&](const BenchResult& r) {
    return Digits(gigabytes(r.median()) / r.median().seconds);
  });
  table.Add("of read", [&](const BenchResult& r) {
    return Percent(gigabytes(r.median()) / r.median().seconds /
                   report.ceilings.at(r.job.threads).read);
  });
  const std::string together =
      several ? table.Differs(&BenchJob::streams)
                    ? " in every stream"
                    : fmt::format(" in each of {} streams", WithCommas(job.streams))
              : "";
  return fmt::format("\n{}\n{}",
                     Bold(fmt::format("decode of {} tokens{}", WithCommas(job.tokens), together)),
                     table.Text());
}

std::string BoundText(const Bound& bound) {
  if (bound.by == Bound::By::kNothing) return "";
  return fmt::format("{} {}", Percent(bound.share), bound.by == Bound::By::kRead ? "read" : "math");
}

std::vector<std::string> OperatorRow(std::string name, const OperatorTotals& totals,
                                     const BenchResult& result, const BenchReport& report) {
  const double steps = static_cast<double>(result.job.steps());
  const double gigabytes = BytesOf(totals) / 1e9, gigaflop = totals.operations / 1e9;
  const Ceilings& ceilings = report.ceilings.at(result.job.threads);
  return {std::move(name),
          Digits(1e3 * totals.seconds / steps),
          Percent(totals.seconds / result.median().seconds),
          DigitsOrNothing(gigabytes / steps),
          DigitsOrNothing(PerSecond(gigabytes, totals.seconds)),
          DigitsOrNothing(gigaflop / steps),
          DigitsOrNothing(PerSecond(gigaflop, totals.seconds)),
          BoundText(BoundOf(totals, ceilings, report.peak))};
}

std::string JobName(const BenchJob& job) {
  const char* plural = job.threads == 1 ? "" : "s";
  const std::string where =
      fmt::format("at depth {}, {} thread{}", WithCommas(job.depth), job.threads, plural);
  if (job.kind == BenchJob::Kind::kPrompt) {
    return fmt::format("prompt of {} tokens {}", WithCommas(job.tokens), where);
  }
  return fmt::format("decode {}, {} stream{}, one step of {}", where, job.streams,
                     job.streams == 1 ? "" : "s", WithCommas(job.tokens));
}

std::string OperatorsText(const BenchResult& result, const BenchReport& report) {
  Table table({"operator", "ms", "time", "GB", "GB/s", "GFLOP", "GFLOP/s", "of ceiling"},
              {kLeft, kRight, kRight, kRight, kRight, kRight, kRight, kRight});
  const model::OperatorClock& clock = result.median().clock;
  const auto add = [&](Operator which) {
    const OperatorTotals& totals = clock.totals(which);
    if (totals.seconds == 0) return;
    table.AddRow(OperatorRow(std::string(OperatorName(which)), totals, result, report));
  };
  for (size_t i = 0; i < model::kOperators; ++i) {
    if (static_cast<Operator>(i) != Operator::kRest) add(static_cast<Operator>(i));
  }
  add(Operator::kRest);
  table.AddRule();
  table.AddRow(OperatorRow("together", clock.Sum(), result, report));
  return fmt::format("{} (median run)\n{}", Bold(JobName(result.job)), table.Text());
}

}  // namespace

std::string BenchText(const BenchReport& report) {
  std::string text = CeilingsText(report) + PromptsText(report) + DecodesText(report);
  for (const BenchResult& result : report.results) text += "\n" + OperatorsText(result, report);
  return text;
}

}  // namespace glimmer::apps
