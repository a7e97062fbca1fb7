#include "report/page.h"

#include "report/html.h"
#include "report/sections.h"

namespace glimmer::report {
namespace {

// Classes of colours: d0-d8 below and above the even share, d9 an expert without tokens; q0-q6 from
// a low to a high SNR.
constexpr char kStyle[] = R"css(
:root{color-scheme:light dark;--bg:#fcfcfb;--fg:#1c1e21;--soft:#62666d;--line:#e3e4e6;--card:#fff;
--d0:#1f4e79;--d1:#3b75a8;--d2:#76a5cc;--d3:#b9d2e6;--d4:#eceeef;--d5:#f6dcbd;--d6:#ecb57c;--d7:#d98a3d;--d8:#a85f16;--d9:#d0144c;
--q0:#8c2d04;--q1:#cc6b1f;--q2:#e9a863;--q3:#e6dccb;--q4:#a8cfc4;--q5:#55a393;--q6:#1a6e61}
@media (prefers-color-scheme:dark){:root{--bg:#15171a;--fg:#e4e6e9;--soft:#989da6;--line:#2e3238;--card:#1c1f23;
--d0:#8cc6ff;--d1:#5b9bd5;--d2:#3b6c9a;--d3:#2c465f;--d4:#2b2f34;--d5:#54402a;--d6:#86592a;--d7:#c4802f;--d8:#ffb45c;--d9:#ff3d73;
--q0:#ff9a52;--q1:#cf6f2a;--q2:#8a5327;--q3:#3d3b38;--q4:#2c5750;--q5:#35897b;--q6:#6fd6c4}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","DejaVu Sans",sans-serif}
main{max-width:1060px;margin:0 auto;padding:40px 28px 64px}
header p{margin:4px 0 0;color:var(--soft)}
h1{font-size:28px;line-height:1.2;margin:0;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:19px;font-weight:650;margin:48px 0 6px;padding-top:14px;border-top:1px solid var(--line)}
h3{font-size:15px;font-weight:650;margin:24px 0 6px}
p{margin:0 0 12px;max-width:78ch}
section>p{color:var(--soft)}
code{font:13px/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:12px 14px;white-space:pre-wrap;margin:0 0 12px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px;margin:26px 0 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 16px}
.tile b{display:block;font-size:22px;line-height:1.3;font-weight:650;font-variant-numeric:tabular-nums}
.tile span{display:block;color:var(--soft);font-size:13px;line-height:1.4}
.scroll{overflow-x:auto;margin:0 0 12px}
table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
th{font-weight:600;color:var(--soft);font-size:12.5px;vertical-align:bottom}
th,td{padding:4px 22px 4px 0;border-bottom:1px solid var(--line)}
td{vertical-align:top}
.n{text-align:right;white-space:nowrap}.t{text-align:left}
.hash{color:var(--soft)}
details{margin:0 0 12px}summary{cursor:pointer;color:var(--soft);margin-bottom:6px}
ul.names{columns:3 250px;margin:0;padding:0;list-style:none}
svg.map{display:block;max-width:100%;height:auto;margin:10px 0 4px}
svg text{font:11px system-ui,"DejaVu Sans",sans-serif;fill:var(--soft)}
svg .e{text-anchor:end}svg .m{text-anchor:middle}
svg path{fill:none;stroke-width:1}svg.map g{shape-rendering:crispEdges}
.key{display:flex;flex-wrap:wrap;align-items:center;gap:3px;font-size:12.5px;color:var(--soft);margin:4px 0 14px}
.key i{width:26px;height:12px;display:inline-block}.key span{margin:0 8px}
)css";

std::string ColourClasses() {
  std::string css;
  for (const auto& [palette, count] : {std::pair('d', 10), std::pair('q', 7)}) {
    for (int k = 0; k < count; ++k) {
      const std::string name = palette + std::to_string(k);
      css += "rect." + name + "{fill:var(--" + name + ")}path." + name + "{stroke:var(--" + name +
             ")}i." + name + "{background:var(--" + name + ")}\n";
    }
  }
  return css;
}

}  // namespace

std::string ReportPage(const Facts& facts, const Figures& figures, const std::string& card) {
  const std::string title = Text(FolderName(facts.source_folder)) + " in NVFP4";
  return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n" +
         Element("title", title) + "\n<style>" + kStyle + ColourClasses() +
         "</style></head>\n<body><main>\n" + SummarySection(facts, figures) +
         SizeSection(facts, figures) + WeightSection(figures) + ExpertSection(facts, figures) +
         InputSection(facts, figures) + CalibrationSection(facts, figures) +
         FileSection(facts, card) + RunSection(facts, figures) + "</main></body></html>\n";
}

}  // namespace glimmer::report
