#include "apps/calibration_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/terminal.h"
#include "base/json.h"
#include "base/text.h"
#include "calib/estimate.h"
#include "calib/hidden_states.h"
#include "quant/convert.h"

namespace glimmer::apps {
namespace {

using base::HumanBytes;
using base::Result;
using base::WithCommas;

double ReadSeconds(const CalibrationEstimate& e, const quant::Plan& plan) {
  if (e.read_bytes_per_second == 0) return 0;
  return static_cast<double>(plan.totals.bytes_source) / e.read_bytes_per_second;
}

// Reading the next weights overlaps computing.
double TotalSeconds(const CalibrationEstimate& e, const quant::Plan& plan) {
  return std::max(e.compute_seconds(), ReadSeconds(e, plan));
}

}  // namespace

Result<CalibrationEstimate> EstimateCalibration(const CalibrationOptions& options,
                                                const ModelInput& input, const quant::Plan& plan) {
  CalibrationEstimate e;
  calib::CalibrationShape shape;
  e.tokens_known = !options.files.empty() && !input.folder.empty();
  if (e.tokens_known) {
    GLIMMER_ASSIGN(const data::CalibrationSet set, ReadCalibration(options, input));
    e.samples = set.sequences.size();
    shape = calib::ShapeOf(set.sequences);
  } else {
    GLIMMER_TRY(CheckCalibrationFiles(options));
    e.samples = options.samples;
    shape.longest = std::min<uint64_t>(options.seq_len, input.config.max_position_embeddings);
    shape.tokens = e.samples * shape.longest;
  }
  e.tokens = shape.tokens;
  e.threads = options.thread_count();
  const calib::CalibrationMemory memory =
      calib::MemoryOf(plan.config, plan.specs, shape, e.threads);
  const uint64_t packing = quant::ConvertMemoryBytes(plan, quant::ConvertWorkers());
  GLIMMER_ASSIGN(const uint64_t memory_bytes, options.memory_bytes());
  GLIMMER_ASSIGN(e.batch_tokens, calib::BatchTokensFor(memory, shape, memory_bytes, packing));
  e.memory_bytes = memory.Bytes(e.batch_tokens) + packing;
  e.scratch_bytes = calib::HiddenStates::DiskBytes(
      shape.tokens, plan.config.hidden_size, calib::ElementOf(options.settings().activations));
  e.flops = calib::CalibrationFlops(plan.config, plan.specs, shape);
  base::ThreadPool pool(e.threads);
  e.flops_per_second = calib::MeasureFlops(pool);
  if (input.weights) {
    GLIMMER_ASSIGN(e.read_bytes_per_second, calib::MeasureReading(*input.weights));
  }
  return e;
}

std::string EstimateText(const CalibrationEstimate& e, const quant::Plan& plan) {
  Table table({"calibration", ""}, {Align::kLeft, Align::kLeft});
  table.AddRow({"tokens", fmt::format("{}{} in {} samples", e.tokens_known ? "" : "at most ",
                                      WithCommas(e.tokens), WithCommas(e.samples))});
  table.AddRow({"memory", fmt::format("at most {}, in batches of {} tokens",
                                      HumanBytes(e.memory_bytes), WithCommas(e.batch_tokens))});
  table.AddRow({"disk beside the output", HumanBytes(e.scratch_bytes)});
  table.AddRow(
      {"arithmetic",
       fmt::format("{:.4g} TFLOP at {:.4g} GFLOP/s, measured with {} thread{}", e.flops / 1e12,
                   e.flops_per_second / 1e9, e.threads, e.threads == 1 ? "" : "s")});
  const double read = ReadSeconds(e, plan);
  table.AddRow(
      {"reading",
       read == 0 ? "once; its speed could not be measured"
                 : fmt::format("once, {} at {}/s, measured", HumanBytes(plan.totals.bytes_source),
                               HumanBytes(static_cast<uint64_t>(e.read_bytes_per_second)))});
  table.AddRow({"time", "about " + base::HumanSeconds(TotalSeconds(e, plan))});
  return table.Text();
}

base::JsonObject EstimateJson(const CalibrationEstimate& e, const quant::Plan& plan) {
  return {{"samples", e.samples},
          {"tokens", e.tokens},
          {"tokens_known", e.tokens_known},
          {"batch_tokens", e.batch_tokens},
          {"memory_bytes", e.memory_bytes},
          {"scratch_bytes", e.scratch_bytes},
          {"flops", e.flops},
          {"flops_per_second", e.flops_per_second},
          {"read_bytes_per_second", e.read_bytes_per_second},
          {"threads", e.threads},
          {"seconds", TotalSeconds(e, plan)}};
}

}  // namespace glimmer::apps
