// What calibration saw: tokens of every expert, and how large the inputs of linears are.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/heat_map.h"
#include "report/html.h"
#include "report/sections.h"

namespace glimmer::report {
namespace {

using base::WithCommas;

constexpr size_t kMostExpertNames = 50;
constexpr uint8_t kUnseenClass = 9;
constexpr int kMiddleClass = 4;

// An octave of tokens over the even share to each class: up to 1/11, 1/5.7, …, around 1, …
uint8_t CoverageClass(uint64_t tokens, double even_share) {
  if (tokens == 0) return kUnseenClass;
  const double octaves = std::round(std::log2(static_cast<double>(tokens) / even_share));
  return static_cast<uint8_t>(std::clamp(octaves, -4.0, 4.0) + kMiddleClass);
}

std::string RowTooltip(const LayerCoverage& layer) {
  std::vector<uint64_t> sorted = layer.tokens;
  std::sort(sorted.begin(), sorted.end());
  return fmt::format("layer {}: {} experts without tokens, least {}, median {}, most {} tokens",
                     layer.layer, layer.unseen(), WithCommas(sorted.front()),
                     WithCommas(sorted[(sorted.size() - 1) / 2]), WithCommas(sorted.back()));
}

HeatMap CoverageMap(const Figures& figures) {
  HeatMap map = {.palette = "d", .row_axis = "layer", .column_axis = "expert"};
  for (const LayerCoverage& layer : figures.coverage) {
    HeatMapRow row = {std::to_string(layer.layer), RowTooltip(layer), {}};
    for (const uint64_t tokens : layer.tokens) {
      row.cells.push_back(CoverageClass(tokens, layer.even_share));
    }
    map.rows.push_back(std::move(row));
  }
  map.cell_tooltip = [&figures](size_t r, size_t expert) {
    const LayerCoverage& layer = figures.coverage[r];
    if (layer.tokens[expert] == 0) {
      return fmt::format("layer {} expert {}: no token", layer.layer, expert);
    }
    return fmt::format("layer {} expert {}: {} tokens, {:.2f} of the even share", layer.layer,
                       expert, WithCommas(layer.tokens[expert]),
                       static_cast<double>(layer.tokens[expert]) / layer.even_share);
  };
  return map;
}

std::string CoverageKey() {
  std::string key = "<div class=\"key\"><i class=\"d9\"></i><span>no token</span><span>1/16</span>";
  for (int k = 0; k < 9; ++k) key += fmt::format("<i class=\"d{}\"></i>", k);
  return key + "<span>16 times the even share, an octave a step</span></div>\n";
}

// A list to open and close, of names of which report.json has all.
std::string NameList(const std::vector<std::string>& names, const std::string& what) {
  std::string items;
  const size_t shown = std::min(names.size(), kMostExpertNames);
  for (size_t i = 0; i < shown; ++i) items += Element("li", Element("code", Text(names[i])));
  const std::string more = shown == names.size()
                               ? ""
                               : fmt::format("<p>and {} more, all in report.json.</p>",
                                             WithCommas(names.size() - shown));
  return fmt::format(
      "<details open><summary>{} {}</summary><ul class=\"names\">{}</ul>{}</details>\n",
      WithCommas(names.size()), what, items, more);
}

std::string UnseenNames(const Facts& facts) {
  const std::vector<std::string>& unseen = facts.calibration->amaxes.unseen_experts;
  if (unseen.empty()) return "<p>Every expert saw tokens.</p>\n";
  return NameList(
      unseen, "experts saw no token; they have the largest input of their layer and projection");
}

std::string ZeroNames(const Facts& facts) {
  const std::vector<std::string>& zeros = facts.calibration->amaxes.zero_inputs;
  if (zeros.empty()) return "";
  return NameList(zeros,
                  "linears read only zeros; they have the largest input of their layer's experts, "
                  "or of their kind");
}

std::string OutlierText(const KindFigures& kind) {
  if (kind.outliers.empty()) return "";
  const auto largest = std::max_element(
      kind.outliers.begin(), kind.outliers.end(),
      [](const OutlierRatio& a, const OutlierRatio& b) { return a.ratio < b.ratio; });
  return fmt::format("{:.1f} in layer {}", largest->ratio, largest->layer);
}

double MedianRatio(const KindFigures& kind) {
  std::vector<float> ratios;
  for (const OutlierRatio& outlier : kind.outliers) {
    ratios.push_back(static_cast<float>(outlier.ratio));
  }
  return MedianOf(std::move(ratios));
}

}  // namespace

std::string ExpertSection(const Facts& facts, const Figures& figures) {
  if (facts.calibration == nullptr || figures.coverage.empty()) return "";
  return Section("Expert coverage",
                 fmt::format("Tokens that each routed expert saw while calibrating, over what it "
                             "would see if all of a layer had the same: {} of {} experts saw none.",
                             WithCommas(figures.experts_unseen), WithCommas(figures.experts)),
                 HeatMapSvg(CoverageMap(figures)) + CoverageKey() + UnseenNames(facts));
}

std::string InputSection(const Facts& facts, const Figures& figures) {
  if (facts.calibration == nullptr || !figures.any_quantized()) return "";
  HtmlTable table({{"module", Column::kText},
                   {"smallest", Column::kNumber},
                   {"median", Column::kNumber},
                   {"largest", Column::kNumber},
                   {"largest over median expert", Column::kNumber},
                   {"its median over layers", Column::kNumber}});
  for (const KindFigures& kind : figures.kinds) {
    if (kind.quantized == 0) continue;
    table.AddRow({Element("code", std::string(model::ModuleKindName(kind.kind))),
                  fmt::format("{:.4g}", kind.inputs.smallest),
                  fmt::format("{:.4g}", kind.inputs.median),
                  fmt::format("{:.4g}", kind.inputs.largest), OutlierText(kind),
                  kind.outliers.empty() ? "" : fmt::format("{:.1f}", MedianRatio(kind))});
  }
  return Section("Input ranges",
                 fmt::format("Largest magnitudes of the linears' inputs, which the input scales "
                             "follow from ({}). Over the experts of a layer, largest over median "
                             "says how much one outlier would coarsen a scale that they share.",
                             facts.calibration->expert_input_scale == "layer"
                                 ? "one for a layer's routed experts and projection"
                                 : "each routed expert its own"),
                 table.Html() + ZeroNames(facts));
}

}  // namespace glimmer::report
