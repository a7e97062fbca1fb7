#include "report/html.h"

#include <gtest/gtest.h>

namespace glimmer::report {
namespace {

TEST(Text, EscapesMarkup) {
  EXPECT_EQ(Text("<script>alert(\"a&b's\")</script>"),
            "&lt;script&gt;alert(&quot;a&amp;b&#39;s&quot;)&lt;/script&gt;");
  EXPECT_EQ(Text(""), "");
  EXPECT_EQ(Text("model.layers.3"), "model.layers.3");
}

TEST(Text, KeepsUtf8AndReplacesWhatIsNone) {
  EXPECT_EQ(Text("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  const std::string bad = "&#xFFFD;";
  EXPECT_EQ(Text("a\xFF"), "a" + bad);
  EXPECT_EQ(Text("\xC3"), bad);                      // cut short
  EXPECT_EQ(Text("\xC0\xBC"), bad + bad);            // '<' in two bytes
  EXPECT_EQ(Text("\xED\xA0\x80"), bad + bad + bad);  // a surrogate
  EXPECT_EQ(Text("\xF4\x90\x80\x80"), bad + bad + bad + bad);
  EXPECT_EQ(Text("a\nb\x7F"), "a" + bad + "b" + bad);
}

TEST(HtmlTable, HasHeadingsAndRows) {
  HtmlTable table({{"name & more", Column::kText}, {"count", Column::kNumber}});
  table.AddRow({Element("b", "x"), "3"});
  EXPECT_NE(table.Html().find("<th class=\"t\">name &amp; more</th>"), std::string::npos);
  EXPECT_NE(table.Html().find("<tr><td class=\"t\"><b>x</b></td><td class=\"n\">3</td></tr>"),
            std::string::npos);
}

}  // namespace
}  // namespace glimmer::report
