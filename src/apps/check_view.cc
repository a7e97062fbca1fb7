#include "apps/check_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/terminal.h"
#include "base/text.h"

namespace glimmer::apps {
namespace {

using base::HumanBytes;
using base::JsonArray;
using base::JsonObject;
using base::WithCommas;
using check::Finding;
using check::Severity;

std::string Coloured(Severity severity) {
  const std::string name = check::SeverityName(severity);
  return check::IsError(severity) ? Red(name) : name;
}

std::string HeadLine(const check::Opened& opened, const CheckResult& result) {
  if (!result.scan) {
    return fmt::format("{}  {}, configuration alone\n", Bold(result.path), opened.architecture);
  }
  return fmt::format("{}  {}, {} tensors, {}, {} linears quantized\n", Bold(result.path),
                     result.scan->any_packed() ? "NVFP4" : "BF16",
                     WithCommas(result.scan->tensor_count), HumanBytes(result.scan->bytes),
                     WithCommas(result.scan->linears_packed));
}

std::string FormText(const std::string& name, const check::Announcement& form) {
  if (!form.present) return fmt::format("  {}: no quantization\n", name);
  std::string text = fmt::format(
      "  {}: method {}, algorithm {}, group size {}, KV cache {}, {} entries exclude modules\n",
      name, form.method.empty() ? "-" : form.method, form.algorithm.empty() ? "-" : form.algorithm,
      form.group_sizes.empty() ? "-" : std::to_string(form.group_sizes[0]),
      form.kv_cache.empty() ? "-" : form.kv_cache, form.excluded.size());
  if (form.has_layers) {
    text += fmt::format("    {} modules have an algorithm of their own\n", form.layers.size());
  }
  return text;
}

// Entries that differ in their numbers only, as one line: "model.layers.#.mlp.gate  x 75".
std::string Numberless(const std::string& entry) {
  std::string text;
  for (size_t i = 0; i < entry.size(); ++i) {
    if (!std::isdigit(static_cast<unsigned char>(entry[i])) ||
        (i > 0 && entry[i - 1] != '.' && !std::isdigit(static_cast<unsigned char>(entry[i - 1])))) {
      text += entry[i];
    } else if (text.empty() || text.back() != '#') {
      text += '#';
    }
  }
  return text;
}

std::string ExcludedText(const check::Announcement& form) {
  struct Shape {
    std::string shape, entry;
    size_t count;
  };
  std::vector<Shape> shapes;
  for (const std::string& entry : form.excluded) {
    const std::string shape = Numberless(entry);
    auto place = std::find_if(shapes.begin(), shapes.end(),
                              [&](const Shape& known) { return known.shape == shape; });
    if (place == shapes.end()) place = shapes.insert(place, {shape, entry, 0});
    ++place->count;
  }
  std::string text;
  for (const Shape& one : shapes) {
    text += one.count == 1 ? fmt::format("    {}\n", one.entry)
                           : fmt::format("    {}  x {}\n", one.shape, one.count);
  }
  return text;
}

std::string AnnouncementText(const check::Announcements& announced) {
  return FormText(announced.config_name, announced.config) +
         FormText(announced.hf_name, announced.hf) + ExcludedText(announced.config_first());
}

std::string BaseText(const check::BaseReport& report) {
  Table table({"module", "tensors", "quantized", "not as the base says", "relative error"},
              {Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight});
  for (size_t kind = 0; kind < report.kinds.size(); ++kind) {
    const check::KindReport& row = report.kinds[kind];
    if (row.tensors == 0) continue;
    table.AddRow(
        {std::string(model::ModuleKindName(static_cast<model::ModuleKind>(kind))),
         WithCommas(row.tensors), WithCommas(row.quantized), WithCommas(row.differing),
         row.quantized > 0 ? fmt::format("{:.3f} %", 100 * row.error.relative_rms()) : "-"});
  }
  std::string text = table.Text();
  text += fmt::format("scales follow modelopt's arithmetic on the {}\n",
                      report.scale_rule == "cpu" ? "CPU" : "GPU");
  if (!report.worst.empty()) {
    text += "largest errors:\n";
    Table worst({"module", "relative error"}, {Align::kLeft, Align::kRight});
    for (const check::LinearError& linear : report.worst) {
      worst.AddRow({linear.module, fmt::format("{:.3f} %", 100 * linear.relative_rms)});
    }
    text += worst.Text();
  }
  return text;
}

std::string IntegrityText(const check::Findings& findings) {
  std::string text;
  for (const Finding& finding : findings.list()) {
    for (const check::Case& one : finding.cases) {
      text += Coloured(finding.rule->severity) + ": " + one.found + "\n";
    }
    if (finding.count > finding.cases.size()) {
      text += fmt::format("{}: and {} more of this kind ({})\n", Coloured(finding.rule->severity),
                          WithCommas(finding.count - finding.cases.size()), finding.rule->id);
    }
  }
  return text;
}

std::string EngineText(const check::EngineReport& report) {
  const std::string verdict = report.verdict();
  std::string text = fmt::format(
      "{}: {}; {} modules quantized, {} not\n", Bold(check::EngineRelease(report.engine)),
      verdict == "loads" ? Green(verdict) : Red(verdict), WithCommas(report.quantized.size()),
      WithCommas(report.unquantized.size()));
  for (const Finding& finding : report.findings.list()) {
    text += fmt::format("  {}  {}{}: {}", Bold(finding.rule->id), Coloured(finding.rule->severity),
                        finding.rule->verified ? "" : " (not verified)", finding.cases[0].found);
    if (finding.count > 1) text += fmt::format(" (and {} more)", WithCommas(finding.count - 1));
    text += fmt::format("\n       {}\n", finding.rule->sentence);
    if (*finding.rule->remedy != '\0') text += fmt::format("       do: {}\n", finding.rule->remedy);
  }
  return text;
}

std::string VerdictText(const CheckResult& result) {
  if (IsError(result.integrity.worst()) || !result.scan) return "";
  return Green("sound") + (result.base ? ": every tensor is what quantizing the base gives\n"
                                       : ": every tensor is there with its type, shape and "
                                         "scales\n");
}

JsonObject FindingJson(const Finding& finding, const check::Case& one) {
  return {{"rule", finding.rule->id},
          {"severity", check::SeverityName(finding.rule->severity)},
          {"verified", finding.rule->verified},
          {"subject", one.subject},
          {"found", one.found},
          {"sentence", finding.rule->sentence},
          {"remedy", finding.rule->remedy},
          {"count", finding.count}};
}

JsonArray FindingsJson(const check::Findings& findings) {
  JsonArray list;
  for (const Finding& finding : findings.list()) {
    for (const check::Case& one : finding.cases) list.push_back(FindingJson(finding, one));
  }
  return list;
}

// The sentences alone.
JsonArray Sentences(const check::Findings& findings, bool errors) {
  JsonArray list;
  for (const Finding& finding : findings.list()) {
    if (check::IsError(finding.rule->severity) != errors) continue;
    for (const check::Case& one : finding.cases) list.emplace_back(one.found);
    if (finding.count > finding.cases.size()) {
      list.emplace_back(fmt::format(
          "and {} more ({})", WithCommas(finding.count - finding.cases.size()), finding.rule->id));
    }
  }
  return list;
}

JsonArray KindsJson(const check::KindReports& kinds) {
  JsonArray modules;
  for (size_t kind = 0; kind < kinds.size(); ++kind) {
    const check::KindReport& row = kinds[kind];
    if (row.tensors == 0) continue;
    modules.push_back({{"module", model::ModuleKindName(static_cast<model::ModuleKind>(kind))},
                       {"tensors", row.tensors},
                       {"quantized", row.quantized},
                       {"differing", row.differing},
                       {"relative_rms", row.error.relative_rms()}});
  }
  return modules;
}

JsonObject FormJson(const std::string& name, const check::Announcement& form) {
  JsonObject json = {{"file", name}, {"present", form.present}};
  if (!form.present) return json;
  json["quant_method"] = form.method;
  json["quant_algo"] = form.algorithm;
  json["kv_cache"] = form.kv_cache;
  json["group_sizes"] = JsonArray(form.group_sizes.begin(), form.group_sizes.end());
  json["excluded"] = JsonArray(form.excluded.begin(), form.excluded.end());
  json["quantized_layers"] = form.layers.size();
  return json;
}

JsonArray EnginesJson(const std::vector<check::EngineReport>& reports) {
  JsonArray engines;
  for (const check::EngineReport& report : reports) {
    engines.push_back(
        {{"engine", check::EngineName(report.engine)},
         {"release", check::EngineRelease(report.engine)},
         {"verdict", report.verdict()},
         {"loads", !report.findings.fails(false)},
         {"findings", FindingsJson(report.findings)},
         {"quantized", JsonArray(report.quantized.begin(), report.quantized.end())},
         {"unquantized", JsonArray(report.unquantized.begin(), report.unquantized.end())}});
  }
  return engines;
}

}  // namespace

bool CheckResult::fails() const {
  return integrity.fails(strict) ||
         std::any_of(engines.begin(), engines.end(), [&](const check::EngineReport& report) {
           return report.findings.fails(strict);
         });
}

std::string CheckText(const check::Opened& opened, const CheckResult& result) {
  std::string text = HeadLine(opened, result);
  if (opened.announced.any()) text += AnnouncementText(opened.announced);
  if (result.base) text += BaseText(*result.base);
  text += IntegrityText(result.integrity);
  text += VerdictText(result);
  for (const check::EngineReport& report : result.engines) text += EngineText(report);
  return text;
}

JsonObject CheckJson(const check::Opened& opened, const CheckResult& result) {
  JsonObject json = {
      {"sound", !IsError(result.integrity.worst())},
      {"architecture", opened.architecture},
      {"tensors", result.scan ? result.scan->tensor_count : 0},
      {"bytes", result.scan ? result.scan->bytes : 0},
      {"linears_quantized", result.scan ? result.scan->linears_packed : 0},
      {"scale_rule", result.base ? result.base->scale_rule : ""},
      {"defects", Sentences(result.integrity, true)},
      {"notes", Sentences(result.integrity, false)},
      {"findings", FindingsJson(result.integrity)},
      {"announced", JsonArray{FormJson(opened.announced.config_name, opened.announced.config),
                              FormJson(opened.announced.hf_name, opened.announced.hf)}}};
  if (result.scan) {
    json["modules"] = KindsJson(result.base ? result.base->kinds : check::CountKinds(opened.model));
  }
  if (result.base) {
    JsonArray worst;
    for (const check::LinearError& linear : result.base->worst) {
      worst.push_back({{"module", linear.module}, {"relative_rms", linear.relative_rms}});
    }
    json["worst"] = std::move(worst);
  }
  if (!result.engines.empty()) json["engines"] = EnginesJson(result.engines);
  return json;
}

}  // namespace glimmer::apps
