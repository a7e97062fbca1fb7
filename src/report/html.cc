#include "report/html.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace glimmer::report {
namespace {

constexpr char kReplacement[] = "&#xFFFD;";

// Bytes of the UTF-8 sequence that begins the text; 0 when it begins with none.
size_t SequenceLength(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool too_long = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool no_character = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return too_long || no_character ? 0 : length;
}

std::string Escaped(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? kReplacement : std::string(1, c);
  }
}

}  // namespace

std::string Text(std::string_view text) {
  std::string html;
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0) {
      html += kReplacement;
    } else if (length == 1) {
      html += Escaped(text[0]);
    } else {
      html += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return html;
}

std::string Element(std::string_view tag, std::string_view content) {
  return fmt::format("<{0}>{1}</{0}>", tag, content);
}

std::string Element(std::string_view tag, std::string_view attributes, std::string_view content) {
  return fmt::format("<{0} {1}>{2}</{0}>", tag, attributes, content);
}

std::string HtmlTable::Class(size_t column) const {
  return headings_[column].column == Column::kNumber ? "class=\"n\"" : "class=\"t\"";
}

void HtmlTable::AddRow(const std::vector<std::string>& cells) {
  GLIMMER_CHECK(cells.size() == headings_.size());
  std::string row;
  for (size_t c = 0; c < cells.size(); ++c) row += Element("td", Class(c), cells[c]);
  rows_ += Element("tr", row) + "\n";
}

std::string HtmlTable::Html() const {
  std::string head;
  for (size_t c = 0; c < headings_.size(); ++c) {
    head += Element("th", Class(c), Text(headings_[c].text));
  }
  return "<div class=\"scroll\"><table><thead><tr>" + head + "</tr></thead>\n<tbody>\n" + rows_ +
         "</tbody></table></div>\n";
}

}  // namespace glimmer::report
