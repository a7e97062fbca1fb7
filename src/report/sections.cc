#include "report/sections.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "quant/version.h"
#include "report/html.h"
#include "report/model_card.h"
#include "report/output_files.h"

namespace glimmer::report {
namespace {

using base::HumanBytes;
using base::WithCommas;

std::string Tile(const std::string& figure, const std::string& meaning) {
  return "<div class=\"tile\">" + Element("b", figure) + Element("span", meaning) + "</div>\n";
}

double Share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string CalibrationTiles(const Facts& facts, const Figures& figures) {
  if (facts.calibration == nullptr) return "";
  const std::string samples = figures.calibration_samples == 0
                                  ? "calibration tokens"
                                  : fmt::format("calibration tokens in {} samples",
                                                WithCommas(figures.calibration_samples));
  return Tile(WithCommas(figures.calibration_tokens), samples) +
         Tile(WithCommas(figures.experts_unseen),
              fmt::format("of {} experts saw no token", WithCommas(figures.experts)));
}

std::string SettingText(const base::JsonValue& value) {
  return value.is_string() ? std::string(value.get_string()) : base::Shown(value);
}

std::string SettingsTable(const Facts& facts) {
  HtmlTable table({{"setting", Column::kText}, {"value", Column::kText}});
  for (const auto& member : facts.settings) {
    table.AddRow(
        {Text(std::string(member.key())), Element("code", Text(SettingText(member.value())))});
  }
  return "<details><summary>Settings that the bytes follow from</summary>" + table.Html() +
         "</details>\n";
}

}  // namespace

std::string Section(const std::string& title, const std::string& introduction,
                    const std::string& body) {
  return "<section>" + Element("h2", title) + "\n" + Element("p", introduction) + "\n" + body +
         "</section>\n";
}

std::string Decibels(const PackError& error) {
  const auto snr = error.snr_db();
  return snr ? fmt::format("{:.2f} dB", *snr) : "exact";
}

std::string PercentText(double share, int digits) {
  return fmt::format("{:.{}f} %", 100 * share, digits);
}

std::string SummarySection(const Facts& facts, const Figures& figures) {
  const quant::PlanTotals& t = facts.plan.totals;
  std::string tiles = Tile(
      HumanBytes(t.bytes_total()),
      fmt::format("{} of the source's {}", PercentText(Share(t.bytes_total(), t.bytes_source), 1),
                  HumanBytes(t.bytes_source)));
  tiles += Tile(WithCommas(t.linears_quantized),
                fmt::format("of {} linears in NVFP4", WithCommas(t.linears_total)));
  if (figures.any_quantized()) {
    tiles +=
        Tile(Decibels(figures.error), fmt::format("weight SNR; relative RMS error {}",
                                                  PercentText(figures.error.relative_rms(), 2)));
  }
  const std::string kind =
      facts.plan.options.weights_only ? "weights only (W4A16_NVFP4)" : "with input scales (NVFP4)";
  return "<header>" + Element("h1", Text(FolderName(facts.source_folder)) + " in NVFP4") + "\n" +
         Element("p", fmt::format("{} parameters, recipe {}, {}. Made by glimmer {}.",
                                  WithCommas(t.parameters_total), Text(facts.plan.recipe.name),
                                  kind, quant::kVersion)) +
         "\n<div class=\"tiles\">\n" + tiles + CalibrationTiles(facts, figures) +
         "</div></header>\n";
}

std::string SizeSection(const Facts& facts, const Figures& figures) {
  const quant::PlanTotals& t = facts.plan.totals;
  HtmlTable table({{"module", Column::kText},
                   {"tensors", Column::kNumber},
                   {"in NVFP4", Column::kNumber},
                   {"before", Column::kNumber},
                   {"after", Column::kNumber},
                   {"share", Column::kNumber}});
  const auto add = [&](const std::string& name, uint64_t tensors, uint64_t quantized,
                       uint64_t before, uint64_t after) {
    table.AddRow({name, WithCommas(tensors), quantized == 0 ? "" : WithCommas(quantized),
                  HumanBytes(before), HumanBytes(after), PercentText(Share(after, before), 1)});
  };
  uint64_t main_bytes = 0, main_tensors = 0;
  for (const KindFigures& kind : figures.kinds) {
    add(Element("code", std::string(model::ModuleKindName(kind.kind))), kind.tensors,
        kind.quantized, kind.bytes_before, kind.bytes_after);
    main_bytes += kind.bytes_before;
    main_tensors += kind.tensors;
  }
  if (t.tensors_mtp > 0) {
    add("MTP layer", t.tensors_source - main_tensors, 0, t.bytes_source - main_bytes, t.bytes_mtp);
  }
  add("<b>all</b>", t.tensors_source, t.linears_quantized, t.bytes_source, t.bytes_total());
  return Section("Sizes",
                 fmt::format("Tensor data by module. The output has {} tensors in {} files.",
                             WithCommas(t.tensors_total()), facts.plan.files.size()),
                 table.Html());
}

std::string CalibrationSection(const Facts& facts, const Figures& figures) {
  if (facts.calibration == nullptr) return "";
  const Calibration& calibration = *facts.calibration;
  if (calibration.files.empty()) {
    return Section(
        "Calibration texts",
        fmt::format("Statistics of an earlier calibration with {} tokens: <code>{}</code>,"
                    " XXH3 <code>{}</code>.",
                    WithCommas(figures.calibration_tokens), Text(calibration.stats_file),
                    Text(calibration.stats_hash)),
        "");
  }
  HtmlTable table({{"file", Column::kText},
                   {"samples", Column::kNumber},
                   {"tokens", Column::kNumber},
                   {"cut", Column::kNumber},
                   {"lines skipped", Column::kText},
                   {"SHA-256", Column::kText}});
  for (const CalibrationFile& file : calibration.files) {
    std::string skipped;
    for (const auto& [reason, lines] : file.skipped) {
      skipped += fmt::format("{}{} {}", skipped.empty() ? "" : ", ", lines, Text(reason));
    }
    table.AddRow({Text(file.path), WithCommas(file.samples), WithCommas(file.tokens),
                  WithCommas(file.truncated), skipped.empty() ? "0" : skipped,
                  Element("code", "class=\"hash\"", Text(file.sha256))});
  }
  return Section("Calibration texts",
                 fmt::format("{} tokens. Fingerprint of the token sequences: <code>{}</code>.",
                             WithCommas(figures.calibration_tokens), Text(calibration.fingerprint)),
                 table.Html());
}

std::string FileSection(const Facts& facts, const std::string& card) {
  const std::vector<HtmlTable::Heading> headings = {
      {"file", Column::kText}, {"bytes", Column::kNumber}, {"hash", Column::kText}};
  HtmlTable source(headings), output(headings);
  const auto code = [](const std::string& hash) {
    return Element("code", "class=\"hash\"", Text(hash));
  };
  for (const SourceFile& file : facts.source_files) {
    source.AddRow({Text(file.name), WithCommas(file.bytes),
                   code(file.sha256.empty() ? file.digest : file.sha256)});
  }
  for (const FileEntry& file : OutputFiles(facts, card)) {
    output.AddRow({Text(file.name), WithCommas(file.bytes), code(file.sha256)});
  }
  return Section(
      "Files",
      "SHA-256 of the bytes, as in SHA256SUMS; of the source's weight files XXH3 over the "
      "header and the XXH3 of the tensors, which were hashed while they were read.",
      Element("h3", "Read from <code>" + Text(facts.source_folder) + "</code>") + source.Html() +
          Element("h3", "Written") + output.Html());
}

std::string RunSection(const Facts& facts, const Figures& figures) {
  const RunFacts& run = facts.run;
  HtmlTable table({{"", Column::kText}, {"", Column::kText}});
  table.AddRow({"started", Text(run.started)});
  table.AddRow({"finished", Text(run.finished)});
  table.AddRow({"took", base::HumanSeconds(run.seconds)});
  if (run.calibration_seconds > 0) {
    const double rate = static_cast<double>(figures.calibration_tokens) / run.calibration_seconds;
    table.AddRow(
        {"of it calibrating", fmt::format("{}, {:.1f} tokens a second",
                                          base::HumanSeconds(run.calibration_seconds), rate)});
  }
  table.AddRow({"read from the source",
                fmt::format("{}, {:.2f} times its tensors", HumanBytes(run.source_bytes_read),
                            Share(run.source_bytes_read, facts.plan.totals.bytes_source))});
  table.AddRow({"glimmer", quant::kVersion});
  return Section(
      "Run",
      "This run alone, not what an interrupted one did before. Only this section depends "
      "on when and where the work was done.",
      table.Html() + "<pre><code>" + Text(CommandLine(facts, false)) + "</code></pre>\n" +
          SettingsTable(facts));
}

}  // namespace glimmer::report
