// Pieces of HTML. What comes from files and names goes through Text(), and nothing else reaches a
// page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace glimmer::report {

// The text as HTML shows it, in content and in quoted attributes: markup characters become
// entities, control characters and bytes that are no UTF-8 become U+FFFD.
std::string Text(std::string_view text);

// `<tag>content</tag>`, the content being HTML.
std::string Element(std::string_view tag, std::string_view content);
// The same with attributes, such as `class="wide"`.
std::string Element(std::string_view tag, std::string_view attributes, std::string_view content);

enum class Column { kText, kNumber };

// A table of HTML cells under plain headings.
class HtmlTable {
 public:
  struct Heading {
    std::string text;
    Column column;
  };
  explicit HtmlTable(std::vector<Heading> headings) : headings_(std::move(headings)) {}
  // REQUIRES: as many cells as headings.
  void AddRow(const std::vector<std::string>& cells);
  std::string Html() const;

 private:
  std::string Class(size_t column) const;

  std::vector<Heading> headings_;
  std::string rows_;
};

}  // namespace glimmer::report
