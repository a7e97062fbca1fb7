#include "apps/bench_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/bench_share.h"
#include "apps/measure.h"
#include "apps/terminal.h"
#include "base/text.h"

namespace glimmer::apps {
namespace {

using base::WithCommas;
using kernels::PeakKind;
using model::Operator;
using model::OperatorTotals;

constexpr Align kLeft = Align::kLeft, kRight = Align::kRight;

// Three digits that matter, without a power of ten: 0.0123, 1.23, 123, 12345.
std::string Digits(double value) {
  const int places = value < 0.0095 ? 4
                     : value < 0.95 ? 3
                     : value < 9.95 ? 2
                     : value < 99.5 ? 1
                                    : 0;
  return fmt::format("{:.{}f}", value, places);
}

std::string Percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

std::string DigitsOrNothing(double value) { return value > 0 ? Digits(value) : ""; }

std::string RangeText(const Spread& spread) {
  return fmt::format("{} to {}", Digits(spread.low), Digits(spread.high));
}

// Of a whole run, in tokens a second.
Spread RatesOf(const BenchResult& result) {
  std::vector<double> rates;
  for (const BenchRun& run : result.runs) {
    rates.push_back(static_cast<double>(result.job.tokens) / run.seconds);
  }
  return SpreadOf(std::move(rates));
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
  return fmt::format("{} (best of {} measurements before, between and after the jobs)\n{}",
                     Bold("ceilings of this machine"), report.ceilings_measured, table.Text());
}

std::string PromptsText(const BenchReport& report) {
  Table table({"prompt", "depth", "threads", "tokens/s", "low to high", "GFLOP/s",
               fmt::format("of {} peak", PeakName(report.peak))},
              {kRight, kRight, kRight, kRight, kRight, kRight, kRight});
  for (const BenchResult& result : report.results) {
    const BenchJob& job = result.job;
    if (job.kind != BenchJob::Kind::kPrompt) continue;
    const Spread rates = RatesOf(result);
    const BenchRun& run = result.median();
    const double gflops = run.clock.Sum().operations / run.seconds / 1e9;
    table.AddRow({WithCommas(job.tokens), WithCommas(job.depth), WithCommas(job.threads),
                  Digits(rates.median), RangeText(rates), Digits(gflops),
                  Percent(gflops / report.ceilings.at(job.threads).peak(report.peak))});
  }
  return table.Text();
}

std::string DecodesText(const BenchReport& report) {
  Table table({"decode", "depth", "streams", "threads", "tokens/s", "low to high", "in all",
               "GB/step", "GB/s", "of read"},
              std::vector<Align>(10, kRight));
  for (const BenchResult& result : report.results) {
    const BenchJob& job = result.job;
    if (job.kind != BenchJob::Kind::kDecode) continue;
    const Spread rates = RatesOf(result);
    const BenchRun& run = result.median();
    const double gigabytes = BytesOf(run.clock.Sum()) / 1e9;
    table.AddRow({WithCommas(job.tokens), WithCommas(job.depth), WithCommas(job.streams),
                  WithCommas(job.threads), Digits(rates.median), RangeText(rates),
                  Digits(rates.median * static_cast<double>(job.streams)),
                  Digits(gigabytes / static_cast<double>(job.steps())),
                  Digits(gigabytes / run.seconds),
                  Percent(gigabytes / run.seconds / report.ceilings.at(job.threads).read)});
  }
  return table.Text();
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

bool Has(const BenchReport& report, BenchJob::Kind kind) {
  return std::any_of(report.results.begin(), report.results.end(),
                     [&](const BenchResult& result) { return result.job.kind == kind; });
}

}  // namespace

std::string BenchText(const BenchReport& report) {
  std::string text = CeilingsText(report);
  if (Has(report, BenchJob::Kind::kPrompt)) text += "\n" + PromptsText(report);
  if (Has(report, BenchJob::Kind::kDecode)) text += "\n" + DecodesText(report);
  for (const BenchResult& result : report.results) text += "\n" + OperatorsText(result, report);
  return text;
}

}  // namespace glimmer::apps
