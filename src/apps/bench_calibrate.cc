// `bench calibrate`: the products that calibrating consists of, beside what the processor could do.
#include <fmt/format.h>

#include <cmath>
#include <random>

#include "apps/bench_ceilings.h"
#include "apps/command.h"
#include "apps/measure.h"
#include "apps/terminal.h"
#include "apps/thread_count.h"
#include "base/json.h"
#include "base/parallel.h"
#include "kernels/matmul.h"
#include "kernels/peak.h"
#include "tensor/bf16.h"

namespace glimmer::apps {
namespace {

using base::Status;
using tensor::OwnedMatrix;

struct Options {
  size_t rows = 512;
  size_t runs = 3;
  size_t threads = 0;
  bool json = false;
};

// GLM-5.1's linears with the most arithmetic.
struct Product {
  const char* name;
  size_t inputs, outputs;
};
constexpr Product kProducts[] = {{"q_b_proj", 2048, 16384},
                                 {"o_proj", 16384, 6144},
                                 {"experts.gate_proj", 6144, 2048},
                                 {"experts.down_proj", 2048, 6144}};

struct Rate {
  std::string name;
  Spread gflops;  // low, median, high
};

// BF16 weights with random elements.
class Weights {
 public:
  Weights(size_t rows, size_t cols) : elements_(rows * cols) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0, 0.02f);
    std::vector<tensor::Bf16> pattern(4099);
    for (tensor::Bf16& w : pattern) w = tensor::F32ToBf16(normal(random));
    for (size_t i = 0; i < elements_.size(); ++i) elements_[i] = pattern[i % pattern.size()];
    weight_.format = kernels::Format::kBf16;
    weight_.rows = rows;
    weight_.cols = weight_.stride = cols;
    weight_.data = elements_.data();
  }
  const kernels::Weight& weight() const { return weight_; }

 private:
  std::vector<tensor::Bf16> elements_;
  kernels::Weight weight_;
};

OwnedMatrix Activations(size_t rows, size_t cols) {
  OwnedMatrix x(rows, cols);
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (float& value : x.elements()) value = tensor::Bf16ToF32(tensor::F32ToBf16(normal(random)));
  return x;
}

// No number without a checked answer.
Status CheckAnswer() {
  const Weights weights(64, 256);
  const OwnedMatrix x = Activations(5, 256), y(5, 64), expected(5, 64);
  kernels::MatMulHere(x, weights.weight(), y);
  kernels::MatMulHere(x, weights.weight(), expected, kernels::Isa::kScalar);
  for (size_t i = 0; i < y.elements().size(); ++i) {
    // Sums of 256 products below 0.5 in any order: 256 roundings of at most 2^-24 of their size.
    if (std::abs(y.elements()[i] - expected.elements()[i]) < 1e-4f) continue;
    return base::Corrupt("bench: the matrix product does not give what the definition gives");
  }
  return {};
}

Spread RatesOf(double operations, const Spread& seconds) {
  const double giga = operations / 1e9;
  return {giga / seconds.high, giga / seconds.median, giga / seconds.low};
}

Spread MeasurePeaks(kernels::PeakKind kind, base::ThreadPool& pool, size_t runs) {
  std::vector<double> rates;
  for (size_t i = 0; i < runs; ++i) rates.push_back(MeasurePeak(kind, pool, pool.threads()));
  return SpreadOf(std::move(rates));
}

Rate MeasureProduct(const Product& product, const Options& options, base::ThreadPool& pool) {
  const Weights weights(product.outputs, product.inputs);
  const OwnedMatrix x = Activations(options.rows, product.inputs);
  const OwnedMatrix y(options.rows, product.outputs);
  const Spread seconds =
      MeasureSeconds(options.runs, [&] { kernels::MatMul(pool, x, weights.weight(), y); });
  const double operations = 2.0 * static_cast<double>(options.rows * product.inputs) *
                            static_cast<double>(product.outputs);
  return {fmt::format("{} [{}, {}]", product.name, product.outputs, product.inputs),
          RatesOf(operations, seconds)};
}

std::string ReportText(const std::vector<Rate>& rates, const Options& options, size_t threads,
                       double ceiling) {
  Table table({"", "GFLOP/s", "low to high", "of the BF16 peak"},
              {Align::kLeft, Align::kRight, Align::kRight, Align::kRight});
  for (const Rate& rate : rates) {
    table.AddRow({rate.name, fmt::format("{:.1f}", rate.gflops.median),
                  fmt::format("{:.1f} to {:.1f}", rate.gflops.low, rate.gflops.high),
                  fmt::format("{:.0f} %", 100 * rate.gflops.median / ceiling)});
  }
  return fmt::format(
      "{} rows of BF16 activations times BF16 weights, F32 sums; {} thread{}, {}, median of {} "
      "runs\n{}",
      options.rows, threads, threads == 1 ? "" : "s", kernels::IsaName(kernels::ActiveIsa()),
      options.runs, table.Text());
}

Status RunBench(const Options& options) {
  GLIMMER_TRY(CheckAnswer());
  const size_t threads = ThreadCount(options.threads);
  base::ThreadPool pool(threads);
  std::vector<Rate> rates = {{kernels::HasBf16Products() ? "peak: BF16 products in registers"
                                                         : "peak: BF16 widened, so that of F32",
                              MeasurePeaks(kernels::PeakKind::kBf16, pool, options.runs)},
                             {"peak: F32 multiply-adds in registers",
                              MeasurePeaks(kernels::PeakKind::kF32, pool, options.runs)}};
  for (const Product& product : kProducts) {
    rates.push_back(MeasureProduct(product, options, pool));
  }
  const double ceiling = rates[0].gflops.median;
  if (!options.json) {
    Print(ReportText(rates, options, threads, ceiling));
    return {};
  }
  base::JsonArray rows;
  for (const Rate& rate : rates) {
    rows.push_back({{"what", rate.name},
                    {"gflops_low", rate.gflops.low},
                    {"gflops_median", rate.gflops.median},
                    {"gflops_high", rate.gflops.high},
                    {"share_of_bf16_peak", rate.gflops.median / ceiling}});
  }
  Print(base::DumpJson(rows, 2) + "\n");
  return {};
}

}  // namespace

void AddBenchCalibrate(Command bench) {
  auto options = std::make_shared<Options>();
  Command command =
      bench.AddCommand("calibrate", "The products of calibration, beside the processor's peak");
  command.AddOption("--rows", &options->rows, "Tokens of a batch")
      .Range(size_t{1}, size_t{1} << 16)
      .ShowDefault();
  command.AddOption("--runs", &options->runs, "Counted runs of each line")
      .Range(1, 1000)
      .ShowDefault();
  AddThreadsOption(command, &options->threads);
  command.AddFlag("--json", &options->json, "Print JSON");
  command.SetFooter("Example:\n  glimmer bench calibrate --rows 2048");
  command.SetBody([options] { return RunBench(*options); });
}

}  // namespace glimmer::apps
