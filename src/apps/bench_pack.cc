// `bench pack`: BF16 to NVFP4, beside the memory bandwidth.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <random>

#include "apps/command.h"
#include "apps/measure.h"
#include "apps/terminal.h"
#include "base/json.h"
#include "base/processors.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "kernels/nvfp4_pack.h"
#include "kernels/peak.h"
#include "tensor/nvfp4.h"

namespace glimmer::apps {
namespace {

using base::Status;
using tensor::Bf16;

struct Options {
  uint64_t megabytes = 512;
  size_t runs = 7;
  bool json = false;
};

// One line of the table: bytes of BF16 input a second.
struct Rate {
  std::string what;
  std::string isa;
  size_t threads;
  double low, median, high;  // GB/s
};

// Input and output of packing, cut into one equal part for each thread.
class PackBench {
 public:
  explicit PackBench(const Options& options)
      : options_(options),
        weights_(options.megabytes * 1'000'000 / 2 / kUnit * kUnit),
        pool_(std::min(base::UsableProcessors(), weights_.size() / kUnit)) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0, 0.02f);
    std::vector<Bf16> pattern(size_t{1} << 16);
    for (Bf16& w : pattern) w = tensor::F32ToBf16(normal(random));
    for (size_t i = 0; i < weights_.size(); ++i) weights_[i] = pattern[i % pattern.size()];
    codes_.resize(weights_.size() / 2);
    scales_.resize(weights_.size() / tensor::kNvfp4Block);
  }

  std::vector<Rate> Run() {
    std::vector<Rate> rates;
    std::vector<size_t> thread_counts = {1};
    if (pool_.threads() > 1) thread_counts.push_back(pool_.threads());
    const kernels::Isa best = kernels::ActiveIsa();
    for (const size_t threads : thread_counts) {
      rates.push_back(Time("memory read", best, threads, [&](auto w, auto, auto) { Read(w); }));
      rates.push_back(Time("largest magnitude", best, threads,
                           [&](auto w, auto, auto) { sink_ += kernels::AbsMaxOn(best, w); }));
      for (const kernels::Isa isa : kernels::AvailableIsas()) {
        if (isa > best) break;
        rates.push_back(Time("pack", isa, threads, [&](auto w, auto codes, auto scales) {
          kernels::PackNvfp4On(isa, w, kScale, codes, scales);
        }));
      }
      rates.push_back(Time("error of packing", best, threads, [&](auto w, auto codes, auto scales) {
        const kernels::PackError error = kernels::ErrorOfNvfp4On(best, w, kScale, codes, scales);
        sink_ += error.squared_error > 0;
      }));
      rates.push_back(Time("quantize (both)", best, threads, [&](auto w, auto codes, auto scales) {
        sink_ += kernels::AbsMaxOn(best, w);
        kernels::PackNvfp4On(best, w, kScale, codes, scales);
      }));
    }
    return rates;
  }

 private:
  static constexpr size_t kUnit = size_t{1} << 16;
  static constexpr float kScale = 0.1f / tensor::kNvfp4AmaxToScale;

  // The ceiling: every cache line once, nothing else.
  void Read(std::span<const Bf16> weights) {
    sink_ +=
        kernels::ReadOnce({reinterpret_cast<const uint64_t*>(weights.data()), weights.size() / 4});
  }

  template <typename Body>  // (weights, codes, scales) of one thread's part
  Rate Time(const char* what, kernels::Isa isa, size_t threads, Body body) {
    const size_t part = weights_.size() / threads / kUnit * kUnit;
    const Spread seconds = MeasureSeconds(options_.runs, [&] {
      pool_.Run(threads, [&](size_t task, size_t) {
        body(std::span<const Bf16>(weights_).subspan(task * part, part),
             std::span(codes_).subspan(task * part / 2, part / 2),
             std::span(scales_).subspan(task * part / tensor::kNvfp4Block,
                                        part / tensor::kNvfp4Block));
      });
    });
    const double gb = static_cast<double>(part * threads * sizeof(Bf16)) / 1e9;
    return {what,
            std::string(kernels::IsaName(isa)),
            threads,
            gb / seconds.high,
            gb / seconds.median,
            gb / seconds.low};
  }

  const Options& options_;
  std::vector<Bf16> weights_;
  std::vector<uint8_t> codes_, scales_;
  base::ThreadPool pool_;
  std::atomic<uint64_t> sink_{0};  // keeps the results alive
};

// No number without a checked answer.
Status CheckAnswer() {
  std::vector<Bf16> weights(4096);
  std::mt19937 random(3);
  for (Bf16& w : weights)
    w = static_cast<Bf16>(0x3C00 + random() % 0x200 + (random() % 2) * 0x8000);
  std::vector<uint8_t> codes(2048), scales(256), expected_codes(2048), expected_scales(256);
  kernels::PackNvfp4(weights, 1e-4f, codes, scales);
  kernels::PackNvfp4On(kernels::Isa::kScalar, weights, 1e-4f, expected_codes, expected_scales);
  if (codes == expected_codes && scales == expected_scales) return {};
  return base::Corrupt("bench: the packing kernel does not give the bytes of the definition");
}

Status RunPack(const Options& options) {
  GLIMMER_TRY(CheckAnswer());
  const std::vector<Rate> rates = PackBench(options).Run();
  if (options.json) {
    base::JsonArray rows;
    for (const Rate& rate : rates) {
      rows.push_back({{"what", rate.what},
                      {"isa", rate.isa},
                      {"threads", rate.threads},
                      {"gb_per_s_low", rate.low},
                      {"gb_per_s_median", rate.median},
                      {"gb_per_s_high", rate.high}});
    }
    Print(base::DumpJson(rows, 2) + "\n");
    return {};
  }
  Table table(
      {"BF16 input", "kernels", "threads", "GB/s", "low to high", "of memory read"},
      {Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight});
  double ceiling = 0;
  for (const Rate& rate : rates) {
    if (rate.what == "memory read") ceiling = rate.median;
    table.AddRow({rate.what, rate.isa, fmt::format("{}", rate.threads),
                  fmt::format("{:.2f}", rate.median),
                  fmt::format("{:.2f} to {:.2f}", rate.low, rate.high),
                  fmt::format("{:.0f} %", 100 * rate.median / ceiling)});
  }
  Print(fmt::format("packing {} MB of BF16 weights to NVFP4, median of {} runs\n{}",
                    options.megabytes, options.runs, table.Text()));
  return {};
}

}  // namespace

void AddBenchPack(Command bench) {
  auto options = std::make_shared<Options>();
  Command pack = bench.AddCommand("pack", "BF16 to NVFP4, beside the memory bandwidth");
  pack.AddOption("--megabytes", &options->megabytes, "Size of the input")
      .Range(1, 100'000)
      .ShowDefault();
  pack.AddOption("--runs", &options->runs, "Counted runs of each line")
      .Range(1, 1000)
      .ShowDefault();
  pack.AddFlag("--json", &options->json, "Print JSON");
  pack.SetFooter("Example:\n  glimmer bench pack --runs 15");
  pack.SetBody([options] { return RunPack(*options); });
}

}  // namespace glimmer::apps
