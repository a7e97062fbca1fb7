// A table of colours as SVG: rows of labelled cells whose colour is a class of the page's style
// sheet. Small ones tell each cell's value in a tooltip; large ones (75 layers x 256 experts) each
// row's, and draw runs of one colour as one stroke, so that the text stays below 10 bytes a cell.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace glimmer::report {

// Cells beyond which tooltips are for rows.
constexpr size_t kMostCellTooltips = 4096;
// The class of a cell that is not drawn.
constexpr uint8_t kNoCell = 255;

struct HeatMapRow {
  std::string label;           // plain text
  std::string tooltip;         // plain text
  std::vector<uint8_t> cells;  // numbers of classes
};

struct HeatMap {
  std::string palette;  // class names are this letter and the number: "d4"
  std::string row_axis, column_axis;
  std::vector<HeatMapRow> rows = {};
  // Plain text for the cell's tooltip.
  std::function<std::string(size_t row, size_t column)> cell_tooltip = {};
};

// An empty text for a map without cells. Rows may have different lengths.
std::string HeatMapSvg(const HeatMap& map);

}  // namespace glimmer::report
