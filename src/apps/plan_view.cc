#include "apps/plan_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "apps/terminal.h"
#include "base/json.h"
#include "base/text.h"
#include "quant/convert.h"

namespace glimmer::apps {
namespace {

using base::HumanBytes;
using base::WithCommas;
using model::ModuleKind;

// One line of the table: all tensors of one kind that have the same fate.
struct Row {
  ModuleKind kind;
  bool mtp;
  bool quantized;
  std::string why;
  uint64_t tensors = 0, parameters = 0, bytes_before = 0, bytes_after = 0;
};

std::string WhyKept(const quant::Plan& plan, size_t i) {
  const model::TensorSpec& spec = plan.specs[i];
  if (plan.tensors[i].format == quant::LinearFormat::kNvfp4) return "";
  if (spec.mtp) return "MTP layer: kept whole";
  switch (spec.kind) {
    case ModuleKind::kRouter:
    case ModuleKind::kRouterBias:
      return "router: not an nn.Linear";
    case ModuleKind::kEmbedding:
    case ModuleKind::kNorm:
      return "not a linear";
    default:
      break;
  }
  const quant::RecipeRule* rule = plan.tensors[i].rule;
  if (rule == nullptr) return "no rule of the recipe names it";
  return rule->why.empty() ? "rule " + rule->modules : rule->why;
}

std::vector<Row> Rows(const quant::Plan& plan) {
  std::vector<Row> rows;
  for (size_t i = 0; i < plan.specs.size(); ++i) {
    const model::TensorSpec& spec = plan.specs[i];
    const bool quantized = plan.tensors[i].format == quant::LinearFormat::kNvfp4;
    const std::string why = WhyKept(plan, i);
    auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) {
      return r.mtp == spec.mtp && (r.mtp || r.kind == spec.kind) && r.quantized == quantized &&
             r.why == why;
    });
    if (row == rows.end()) {
      rows.push_back({spec.kind, spec.mtp, quantized, why});
      row = rows.end() - 1;
    }
    ++row->tensors;
    row->parameters += *tensor::ElementCount(spec.shape);
    row->bytes_before += *tensor::SizeBytes(spec.dtype, spec.shape);
    for (const quant::Place& place : plan.tensors[i].places) {
      if (place.written())
        row->bytes_after += plan.files[place.file].tensors[place.slot].size_bytes;
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return std::pair(a.mtp, !a.quantized) < std::pair(b.mtp, !b.quantized);
  });
  return rows;
}

std::string RowName(const Row& row) {
  return row.mtp ? "MTP layer" : std::string(model::ModuleKindName(row.kind));
}

std::string ModelLine(const model::Config& config) {
  const auto dense = std::count(config.mlp_layer_types.begin(), config.mlp_layer_types.end(),
                                model::MlpKind::kDense);
  const auto shared = std::count(config.indexer_types.begin(), config.indexer_types.end(),
                                 model::IndexerKind::kShared);
  std::string line = fmt::format(
      "GlmMoeDsaForCausalLM: {} layers ({} dense, {} with {} experts), {} MTP, hidden size {}",
      config.num_hidden_layers, dense, config.num_hidden_layers - static_cast<uint64_t>(dense),
      config.n_routed_experts, config.num_nextn_predict_layers, config.hidden_size);
  if (shared > 0) line += fmt::format(", {} layers share an indexer", shared);
  return line;
}

std::string Confirmation(const std::string& confirmed_by) {
  if (confirmed_by == "headers") return "checked against the headers of the weights";
  if (confirmed_by == "index") return "checked against the names in the index; no weights here";
  return "from config.json alone; no weights here to check";
}

}  // namespace

std::string PlanText(const quant::Plan& plan, const std::string& confirmed_by, size_t workers) {
  const quant::PlanTotals& t = plan.totals;
  std::string text =
      Bold(ModelLine(plan.config)) + "\n" +
      fmt::format("{} parameters; {}\n", WithCommas(t.parameters_total),
                  Confirmation(confirmed_by)) +
      fmt::format("recipe {}: {}\n\n", Bold(plan.recipe.name), plan.recipe.description);

  Table modules({"module", "tensors", "parameters", "becomes", "before", "after", "why kept"},
                {Align::kLeft, Align::kRight, Align::kRight, Align::kLeft, Align::kRight,
                 Align::kRight, Align::kLeft});
  for (const Row& row : Rows(plan)) {
    modules.AddRow({RowName(row), WithCommas(row.tensors), WithCommas(row.parameters),
                    row.quantized ? Green("NVFP4") : "as it is", HumanBytes(row.bytes_before),
                    HumanBytes(row.bytes_after), row.why});
  }
  text += modules.Text() + "\n";

  Table files({"", "tensors", "size", ""},
              {Align::kLeft, Align::kRight, Align::kRight, Align::kLeft});
  files.AddRow({"source", WithCommas(t.tensors_source), HumanBytes(t.bytes_source), "BF16"});
  files.AddRow({fmt::format("{} shard{}", t.shards, t.shards == 1 ? "" : "s"),
                WithCommas(t.tensors_main), HumanBytes(t.bytes_main),
                "of at most " + HumanBytes(plan.options.max_shard_bytes)});
  if (t.tensors_mtp > 0) {
    files.AddRow({quant::kMtpFileName, WithCommas(t.tensors_mtp), HumanBytes(t.bytes_mtp), ""});
  }
  files.AddRow({"output", WithCommas(t.tensors_total()), HumanBytes(t.bytes_total()),
                fmt::format("{:.1f} % of the source", 100.0 * static_cast<double>(t.bytes_total()) /
                                                          static_cast<double>(t.bytes_source))});
  text += files.Text() + "\n";
  text += fmt::format("{} of {} linears become NVFP4 ({}); KV cache {}\n",
                      WithCommas(t.linears_quantized), WithCommas(t.linears_total),
                      plan.options.weights_only ? "weights only: W4A16_NVFP4" : "with input scales",
                      plan.recipe.kv_cache == quant::KvCacheFormat::kFp8Cast
                          ? "announced as FP8 (cast, no scale tensors)"
                          : "not quantized");
  text += fmt::format("peak memory of packing at most {} with {} worker{}; disk {}\n",
                      HumanBytes(quant::ConvertMemoryBytes(plan, workers)), workers,
                      workers == 1 ? "" : "s", HumanBytes(t.bytes_total()));
  for (const std::string& note : plan.notes) text += "note: " + note + "\n";
  for (const std::string& warning : plan.warnings) text += Red("warning: ") + warning + "\n";
  return text;
}

base::JsonObject PlanJson(const quant::Plan& plan, const std::string& confirmed_by,
                          size_t workers) {
  const quant::PlanTotals& t = plan.totals;
  base::JsonArray modules;
  for (const Row& row : Rows(plan)) {
    modules.push_back({{"module", RowName(row)},
                       {"mtp", row.mtp},
                       {"format", row.quantized ? "nvfp4" : "copied"},
                       {"tensors", row.tensors},
                       {"parameters", row.parameters},
                       {"bytes_before", row.bytes_before},
                       {"bytes_after", row.bytes_after},
                       {"why_kept", row.why}});
  }
  base::JsonArray files;
  for (const quant::OutputFile& file : plan.files) {
    files.push_back(
        {{"name", file.name}, {"tensors", file.tensors.size()}, {"bytes", file.file_bytes}});
  }
  return {{"recipe", plan.recipe.name},
          {"weights_only", plan.options.weights_only},
          {"confirmed_by", confirmed_by},
          {"linears_total", t.linears_total},
          {"linears_quantized", t.linears_quantized},
          {"parameters_total", t.parameters_total},
          {"parameters_quantized", t.parameters_quantized},
          {"tensors_source", t.tensors_source},
          {"tensors_main", t.tensors_main},
          {"tensors_mtp", t.tensors_mtp},
          {"tensors_total", t.tensors_total()},
          {"bytes_source", t.bytes_source},
          {"bytes_main", t.bytes_main},
          {"bytes_mtp", t.bytes_mtp},
          {"bytes_total", t.bytes_total()},
          {"shards", t.shards},
          {"max_shard_bytes", plan.options.max_shard_bytes},
          {"mtp_file", t.tensors_mtp > 0 ? base::JsonValue(quant::kMtpFileName) : nullptr},
          {"peak_memory_bytes", quant::ConvertMemoryBytes(plan, workers)},
          {"ignore", base::JsonArray(plan.ignore.begin(), plan.ignore.end())},
          {"warnings", base::JsonArray(plan.warnings.begin(), plan.warnings.end())},
          {"notes", base::JsonArray(plan.notes.begin(), plan.notes.end())},
          {"modules", std::move(modules)},
          {"files", std::move(files)}};
}

}  // namespace glimmer::apps
