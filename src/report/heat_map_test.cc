#include "report/heat_map.h"

#include <gtest/gtest.h>

namespace glimmer::report {
namespace {

HeatMap MapOf(size_t rows, size_t columns) {
  HeatMap map = {.palette = "d", .row_axis = "layer", .column_axis = "expert"};
  for (size_t r = 0; r < rows; ++r) {
    HeatMapRow row = {std::to_string(r), "row <" + std::to_string(r) + ">", {}};
    for (size_t c = 0; c < columns; ++c)
      row.cells.push_back(static_cast<uint8_t>((r * 7 + c * 5) % 10));
    map.rows.push_back(std::move(row));
  }
  map.cell_tooltip = [](size_t r, size_t c) { return std::to_string(r) + "&" + std::to_string(c); };
  return map;
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(HeatMap, OfNothingIsNothing) {
  EXPECT_EQ(HeatMapSvg(MapOf(0, 0)), "");
  EXPECT_EQ(HeatMapSvg(MapOf(3, 0)), "");
}

TEST(HeatMap, OfOneLayerTellsEveryCell) {
  const std::string svg = HeatMapSvg(MapOf(1, 32));
  EXPECT_EQ(Count(svg, "<rect"), 32u);
  EXPECT_EQ(Count(svg, "<title>0&amp;31</title>"), 1u);
  EXPECT_EQ(Count(svg, "row &lt;"), 0u);
}

TEST(HeatMap, LeavesOutCellsThatAreNone) {
  HeatMap map = MapOf(1, 3);
  map.rows[0].cells = {kNoCell, 4, kNoCell};
  EXPECT_EQ(Count(HeatMapSvg(map), "<rect"), 1u);
}

TEST(HeatMap, OfManyLayersStaysSmallAndTellsRows) {
  const std::string svg = HeatMapSvg(MapOf(75, 256));
  EXPECT_LT(svg.size(), 75u * 256 * 14);
  EXPECT_EQ(Count(svg, "<rect"), 0u);
  EXPECT_EQ(Count(svg, "<title>row &lt;74&gt;</title>"), 1u);
  EXPECT_EQ(Count(svg, "<g "), 75u);
}

TEST(HeatMap, JoinsRunsOfOneColour) {
  HeatMap map = MapOf(70, 80);
  map.rows[5].cells.assign(80, 3);
  map.rows[6].cells.assign(80, kNoCell);
  const std::string svg = HeatMapSvg(map);
  EXPECT_EQ(Count(svg, "<path class=\"d3\" d=\"M0 .5h80\"/>"), 1u);
  EXPECT_EQ(Count(svg, "d255"), 0u);
}

}  // namespace
}  // namespace glimmer::report
