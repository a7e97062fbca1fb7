#include "apps/calibration_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/terminal.h"
#include "base/file.h"
#include "base/free_memory.h"
#include "base/json.h"
#include "base/text.h"
#include "calib/hidden_states.h"
#include "quant/convert.h"

namespace glimmer::apps {
namespace {

using base::HumanBytes;
using base::Result;
using base::WithCommas;

double Seconds(uint64_t bytes, double bytes_per_second) {
  return bytes_per_second == 0 ? 0 : static_cast<double>(bytes) / bytes_per_second;
}

double ReadSeconds(const CalibrationEstimate& e, const quant::Plan& plan) {
  return Seconds(plan.totals.bytes_source, e.read_bytes_per_second);
}

double PackSeconds(const CalibrationEstimate& e, const quant::Plan& plan) {
  return Seconds(2 * plan.totals.parameters_quantized, e.packed_bytes_per_second);
}

// Where the page cache holds the scratch files, only what is synced is waited for.
double SpillSeconds(const CalibrationEstimate& e) {
  if (e.spill_fits) return Seconds(e.spill.synced, e.disk.write_bytes_per_second);
  return Seconds(e.spill.written, e.disk.write_bytes_per_second) +
         Seconds(e.spill.read, e.disk.read_bytes_per_second);
}

double OutputSeconds(const CalibrationEstimate& e, const quant::Plan& plan) {
  return Seconds(plan.totals.bytes_total(), e.disk.write_bytes_per_second);
}

// Reading the next weights overlaps computing and packing; what is written is waited for.
double TotalSeconds(const CalibrationEstimate& e, const quant::Plan& plan) {
  return std::max(e.compute_seconds() + PackSeconds(e, plan), ReadSeconds(e, plan)) +
         SpillSeconds(e) + OutputSeconds(e, plan);
}

std::string Speed(double bytes_per_second) {
  return HumanBytes(static_cast<uint64_t>(bytes_per_second)) + "/s";
}

void MeasureDisk(const std::string& folder, CalibrationEstimate& e) {
  e.disk_folder = base::NearestFolder(folder);
  const base::Result<calib::DiskSpeed> disk = calib::MeasureDisk(e.disk_folder);
  if (disk.ok()) {
    e.disk = disk.value();
  } else {
    e.disk_problem = disk.error().message;
  }
}

std::string DiskText(const CalibrationEstimate& e) {
  if (!e.disk_problem.empty()) {
    return "its speed could not be measured, so the time leaves it out: " + e.disk_problem;
  }
  return fmt::format("writes {}, reads {}, measured in {}", Speed(e.disk.write_bytes_per_second),
                     Speed(e.disk.read_bytes_per_second), base::Quoted(e.disk_folder));
}

std::string WithTime(const std::string& what, const CalibrationEstimate& e, double seconds) {
  return e.disk_problem.empty() ? what + ", about " + base::HumanSeconds(seconds) : what;
}

std::string SpillText(const CalibrationEstimate& e) {
  const std::string what = fmt::format(
      "{} written and {} read, {}", HumanBytes(e.spill.written), HumanBytes(e.spill.read),
      e.spill_fits ? "which memory can hold, " + HumanBytes(e.spill.synced) + " of it synced"
                   : std::string("more than memory can hold: counted as if it held none"));
  return WithTime(what, e, SpillSeconds(e));
}

}  // namespace

Result<CalibrationEstimate> EstimateCalibration(const CalibrationOptions& options,
                                                const ModelInput& input, const quant::Plan& plan,
                                                const std::string& disk_folder) {
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
  const uint64_t packing = quant::ConvertMemoryBytes(plan, options.packing_workers());
  GLIMMER_ASSIGN(const uint64_t memory_bytes, options.memory_bytes());
  GLIMMER_ASSIGN(e.batch_tokens, calib::BatchTokensFor(memory, shape, memory_bytes, packing));
  e.memory_bytes = memory.Bytes(e.batch_tokens) + packing;
  e.scratch_bytes = calib::HiddenStates::DiskBytes(
      plan.config, shape.tokens, calib::ElementOf(options.settings().activations));
  e.flops = calib::CalibrationFlops(plan.config, plan.specs, shape);
  base::ThreadPool pool(e.threads);
  e.flops_per_second = calib::MeasureFlops(pool);
  e.packed_bytes_per_second = calib::MeasurePacking(pool);
  MeasureDisk(disk_folder, e);
  e.spill = calib::SpillTrafficOf(plan.config, shape.tokens,
                                  calib::ElementOf(options.settings().activations));
  const uint64_t free = base::FreeMemoryBytes();
  e.spill_fits = e.scratch_bytes + std::min(e.memory_bytes, free) / 2 < free / 2;
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
  table.AddRow({"reading", read == 0 ? "once; its speed could not be measured"
                                     : fmt::format("once, {} at {}, measured",
                                                   HumanBytes(plan.totals.bytes_source),
                                                   Speed(e.read_bytes_per_second))});
  table.AddRow(
      {"packing",
       fmt::format("{} at {}, measured, about {}", HumanBytes(2 * plan.totals.parameters_quantized),
                   Speed(e.packed_bytes_per_second), base::HumanSeconds(PackSeconds(e, plan)))});
  table.AddRow({"disk", DiskText(e)});
  table.AddRow({"hidden states", SpillText(e)});
  table.AddRow({"output", WithTime(HumanBytes(plan.totals.bytes_total()) + " written", e,
                                   OutputSeconds(e, plan))});
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
          {"packed_bytes_per_second", e.packed_bytes_per_second},
          {"disk_folder", e.disk_folder},
          {"disk_problem", e.disk_problem},
          {"disk_write_bytes_per_second", e.disk.write_bytes_per_second},
          {"disk_read_bytes_per_second", e.disk.read_bytes_per_second},
          {"spill_bytes_written", e.spill.written},
          {"spill_bytes_read", e.spill.read},
          {"spill_bytes_synced", e.spill.synced},
          {"spill_fits_in_memory", e.spill_fits},
          {"threads", e.threads},
          {"seconds", TotalSeconds(e, plan)}};
}

}  // namespace glimmer::apps
