// What packing lost: a table, a map over kinds and layers, the worst linears.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/heat_map.h"
#include "report/html.h"
#include "report/sections.h"

namespace glimmer::report {
namespace {

constexpr int kSnrClasses = 7;

// The range of SNR over all kinds and layers, for colours.
struct SnrScale {
  double low = 0, high = 0;

  uint8_t ClassOf(double snr) const {
    if (high <= low) return kSnrClasses / 2;
    const int k = static_cast<int>((snr - low) / (high - low) * kSnrClasses);
    return static_cast<uint8_t>(std::clamp(k, 0, kSnrClasses - 1));
  }
};

SnrScale ScaleOf(const Figures& figures) {
  std::vector<double> values;
  for (const KindFigures& kind : figures.kinds) {
    for (const auto& [layer, error] : kind.layers) {
      if (const auto snr = error.snr_db()) values.push_back(*snr);
    }
  }
  if (values.empty()) return {};
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {*low, *high};
}

HeatMap SnrMap(const Figures& figures, const SnrScale& scale) {
  HeatMap map = {.palette = "q", .row_axis = "module", .column_axis = "layer"};
  for (const KindFigures& kind : figures.kinds) {
    if (kind.layers.empty()) continue;
    HeatMapRow row = {std::string(model::ModuleKindName(kind.kind)), "", {}};
    row.tooltip = row.label + ": " + Decibels(kind.error);
    for (const auto& [layer, error] : kind.layers) {
      const auto snr = error.snr_db();
      if (row.cells.size() <= layer) row.cells.resize(layer + 1, kNoCell);
      if (snr) row.cells[layer] = scale.ClassOf(*snr);
    }
    map.rows.push_back(std::move(row));
  }
  map.cell_tooltip = [&figures](size_t r, size_t layer) {
    size_t at = 0;
    for (const KindFigures& kind : figures.kinds) {
      if (kind.layers.empty() || at++ != r) continue;
      const PackError& error = kind.layers.at(static_cast<uint32_t>(layer));
      return fmt::format("layer {} {}: {}, relative RMS {}", layer,
                         model::ModuleKindName(kind.kind), Decibels(error),
                         PercentText(error.relative_rms(), 2));
    }
    return std::string();
  };
  return map;
}

std::string SnrKey(const SnrScale& scale) {
  std::string key = fmt::format("<div class=\"key\"><span>{:.2f} dB</span>", scale.low);
  for (int k = 0; k < kSnrClasses; ++k) key += fmt::format("<i class=\"q{}\"></i>", k);
  return key + fmt::format("<span>{:.2f} dB</span></div>\n", scale.high);
}

std::string ErrorTable(const Figures& figures) {
  HtmlTable table({{"module", Column::kText},
                   {"linears", Column::kNumber},
                   {"SNR", Column::kNumber},
                   {"relative RMS", Column::kNumber},
                   {"lowest layer", Column::kNumber}});
  for (const KindFigures& kind : figures.kinds) {
    if (kind.quantized == 0) continue;
    const auto lowest =
        std::max_element(kind.layers.begin(), kind.layers.end(), [](const auto& a, const auto& b) {
          return a.second.relative_rms() < b.second.relative_rms();
        });
    const std::string layer = lowest == kind.layers.end()
                                  ? ""
                                  : fmt::format("{}: {}", lowest->first, Decibels(lowest->second));
    table.AddRow({Element("code", std::string(model::ModuleKindName(kind.kind))),
                  base::WithCommas(kind.quantized), Decibels(kind.error),
                  PercentText(kind.error.relative_rms(), 3), layer});
  }
  return table.Html();
}

std::string WorstTable(const Figures& figures) {
  HtmlTable table(
      {{"linear", Column::kText}, {"SNR", Column::kNumber}, {"relative RMS", Column::kNumber}});
  for (const WorstLinear& linear : figures.worst) {
    table.AddRow({Element("code", Text(linear.module)), Decibels(linear.error),
                  PercentText(linear.error.relative_rms(), 3)});
  }
  return Element("h3", "Largest errors") + "\n" + table.Html();
}

}  // namespace

std::string WeightSection(const Figures& figures) {
  if (!figures.any_quantized()) return "";
  const SnrScale scale = ScaleOf(figures);
  return Section("Weight error",
                 "Packed weights, dequantized, against the source: sum of squared errors over sum "
                 "of squares, of all linears of a kind together.",
                 ErrorTable(figures) + Element("h3", "SNR by module and layer") + "\n" +
                     HeatMapSvg(SnrMap(figures, scale)) + SnrKey(scale) + WorstTable(figures));
}

}  // namespace glimmer::report
