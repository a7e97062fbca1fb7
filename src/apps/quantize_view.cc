#include "apps/quantize_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/plan_view.h"
#include "apps/terminal.h"
#include "base/json.h"
#include "base/text.h"

namespace glimmer::apps {
namespace {

using base::HumanBytes;

std::string FiguresText(const RunFigures& run, const quant::Plan& plan) {
  std::string text = fmt::format(
      "  {} read from the source, {:.3f} of its size\n", HumanBytes(run.source_bytes_read),
      static_cast<double>(run.source_bytes_read) / static_cast<double>(plan.totals.bytes_source));
  if (run.calibration_tokens > 0) {
    text += fmt::format(
        "  {} tokens calibrated in {}, {:.0f} tokens/s\n", base::WithCommas(run.calibration_tokens),
        base::HumanSeconds(run.calibration_seconds),
        static_cast<double>(run.calibration_tokens) / std::max(run.calibration_seconds, 1e-9));
  }
  if (run.unseen_experts > 0) {
    text += fmt::format(
        "  {} experts saw no token and take the largest input of their layer: the report names "
        "them\n",
        base::WithCommas(run.unseen_experts));
  }
  if (!run.zero_inputs.empty()) {
    text += fmt::format(
        "  {} linears read only zeros, first {}: they take the largest input of their layer's "
        "experts or of their kind; the report names them\n",
        base::WithCommas(run.zero_inputs.size()), run.zero_inputs[0]);
  }
  return text;
}

}  // namespace

std::string SummaryText(const std::string& out, const quant::Plan& plan,
                        const quant::ConvertSummary& summary, const RunFigures& run) {
  const quant::PlanTotals& t = plan.totals;
  if (summary.was_complete) {
    return fmt::format("{}: is complete already, nothing to do\n", out);
  }
  return fmt::format("{}  {} of {} linears in NVFP4 (recipe {}, {})\n", Bold(out),
                     base::WithCommas(t.linears_quantized), base::WithCommas(t.linears_total),
                     plan.recipe.name, plan.options.weights_only ? "W4A16_NVFP4" : "NVFP4") +
         fmt::format(
             "  {} from {} ({:.1f} %), {} tensors in {} files\n", HumanBytes(t.bytes_total()),
             HumanBytes(t.bytes_source),
             100.0 * static_cast<double>(t.bytes_total()) / static_cast<double>(t.bytes_source),
             base::WithCommas(t.tensors_total()), plan.files.size()) +
         FiguresText(run, plan) +
         fmt::format("  done in {}{}\n", base::HumanSeconds(summary.seconds),
                     summary.files_kept > 0
                         ? fmt::format("; {} finished files kept", summary.files_kept)
                         : "");
}

std::string SummaryJson(const std::string& out, const quant::Plan& plan,
                        const quant::ConvertSummary& summary, const RunFigures& run) {
  base::JsonObject json = PlanJson(plan, "headers", run.packing_workers);
  json["output"] = out;
  json["was_complete"] = summary.was_complete;
  json["files_kept"] = summary.files_kept;
  json["bytes_written"] = summary.bytes_written;
  json["seconds"] = summary.seconds;
  json["source_bytes_read"] = run.source_bytes_read;
  json["calibration_tokens"] = run.calibration_tokens;
  json["calibration_seconds"] = run.calibration_seconds;
  json["unseen_experts"] = run.unseen_experts;
  json["zero_inputs"] = base::JsonArray(run.zero_inputs.begin(), run.zero_inputs.end());
  return base::DumpJson(json, 2) + "\n";
}

}  // namespace glimmer::apps
