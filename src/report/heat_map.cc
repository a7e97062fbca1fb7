#include "report/heat_map.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/html.h"

namespace glimmer::report {
namespace {

// In SVG units; the page scales the whole to its width.
constexpr double kMapWidth = 880, kMapHeight = 640;
constexpr double kMinCellWidth = 3, kMaxCellWidth = 28;
constexpr double kMinCellHeight = 8, kMaxCellHeight = 18;
constexpr double kTop = 34, kBottom = 6, kRight = 14;
constexpr double kLetterWidth = 6.6, kLineHeight = 13;

struct Layout {
  size_t columns = 0;
  double left = 0, cell_width = 0, cell_height = 0;

  double width(const HeatMap&) const {
    return left + cell_width * static_cast<double>(columns) + kRight;
  }
  double height(const HeatMap& map) const {
    return kTop + cell_height * static_cast<double>(map.rows.size()) + kBottom;
  }
};

Layout LayOut(const HeatMap& map) {
  Layout layout;
  size_t letters = map.row_axis.size();
  for (const HeatMapRow& row : map.rows) {
    layout.columns = std::max(layout.columns, row.cells.size());
    letters = std::max(letters, row.label.size());
  }
  if (layout.columns == 0) return layout;
  layout.left = kLetterWidth * static_cast<double>(letters) + 12;
  layout.cell_width =
      std::clamp(kMapWidth / static_cast<double>(layout.columns), kMinCellWidth, kMaxCellWidth);
  layout.cell_height =
      std::clamp(kMapHeight / static_cast<double>(map.rows.size()), kMinCellHeight, kMaxCellHeight);
  return layout;
}

std::string Tooltip(const std::string& text) {
  return text.empty() ? "" : Element("title", Text(text));
}

std::string CellRects(const HeatMap& map, size_t r) {
  std::string svg;
  for (size_t c = 0; c < map.rows[r].cells.size(); ++c) {
    if (map.rows[r].cells[c] == kNoCell) continue;
    svg += fmt::format("<rect class=\"{}{}\" x=\"{}\" width=\".94\" height=\".94\">{}</rect>",
                       map.palette, map.rows[r].cells[c], c,
                       map.cell_tooltip ? Tooltip(map.cell_tooltip(r, c)) : "");
  }
  return svg;
}

// One path for each colour of the row: strokes of a cell's height along its middle.
std::string CellRuns(const HeatMap& map, size_t r) {
  const std::vector<uint8_t>& cells = map.rows[r].cells;
  std::vector<std::string> paths(kNoCell);
  for (size_t c = 0; c < cells.size();) {
    size_t end = c + 1;
    while (end < cells.size() && cells[end] == cells[c]) ++end;
    if (cells[c] != kNoCell) paths[cells[c]] += fmt::format("M{} .5h{}", c, end - c);
    c = end;
  }
  std::string svg = Tooltip(map.rows[r].tooltip);
  for (size_t k = 0; k < paths.size(); ++k) {
    if (paths[k].empty()) continue;
    svg += fmt::format("<path class=\"{}{}\" d=\"{}\"/>", map.palette, k, paths[k]);
  }
  return svg;
}

// Every how many rows or columns a label has room; 1, 2, 5, 10, 20, …, or powers of two.
size_t LabelStep(double available, double needed, bool powers_of_two) {
  constexpr size_t kDecimal[] = {1, 2, 5};
  for (size_t k = 0;; ++k) {
    size_t step = size_t{1} << k;
    if (!powers_of_two) {
      step = kDecimal[k % 3];
      for (size_t tens = 0; tens < k / 3; ++tens) step *= 10;
    }
    if (available * static_cast<double>(step) >= needed || k > 30) return step;
  }
}

std::string RowLabels(const HeatMap& map, const Layout& layout) {
  const size_t step = LabelStep(layout.cell_height, kLineHeight, false);
  std::string svg;
  for (size_t r = 0; r < map.rows.size(); r += step) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"e\">{}</text>", layout.left - 6,
                       kTop + layout.cell_height * (static_cast<double>(r) + 0.5) + 4,
                       Text(map.rows[r].label));
  }
  return svg;
}

std::string ColumnLabels(const HeatMap& map, const Layout& layout) {
  const size_t step = LabelStep(layout.cell_width, 24, layout.columns % 16 == 0);
  std::string svg = fmt::format(
      "<text x=\"{:.1f}\" y=\"11\">{}</text><text x=\"{:.1f}\" y=\"{}\" class=\"e\">{}</text>",
      layout.left, Text(map.column_axis), layout.left - 6, kTop - 6, Text(map.row_axis));
  for (size_t c = 0; c < layout.columns; c += step) {
    svg +=
        fmt::format("<text x=\"{:.1f}\" y=\"{}\" class=\"m\">{}</text>",
                    layout.left + layout.cell_width * (static_cast<double>(c) + 0.5), kTop - 6, c);
  }
  return svg;
}

}  // namespace

std::string HeatMapSvg(const HeatMap& map) {
  const Layout layout = LayOut(map);
  if (layout.columns == 0) return "";
  const bool cell_tooltips = map.rows.size() * layout.columns <= kMostCellTooltips;
  std::string rows;
  for (size_t r = 0; r < map.rows.size(); ++r) {
    rows += fmt::format("<g transform=\"translate({:.1f} {:.2f}) scale({:.4f} {:.4f})\">{}</g>\n",
                        layout.left, kTop + layout.cell_height * static_cast<double>(r),
                        layout.cell_width, layout.cell_height,
                        cell_tooltips ? CellRects(map, r) : CellRuns(map, r));
  }
  return fmt::format(
      "<svg class=\"map\" role=\"img\" viewBox=\"0 0 {0:.0f} {1:.0f}\" style=\"width:{0:.0f}px\" "
      "aria-label=\"{2} by {3}\">\n{4}{5}\n{6}</svg>\n",
      layout.width(map), layout.height(map), Text(map.row_axis), Text(map.column_axis),
      RowLabels(map, layout), ColumnLabels(map, layout), rows);
}

}  // namespace glimmer::report
