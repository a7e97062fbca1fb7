#include "report/model_card.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "quant/version.h"
#include "report/html.h"

namespace glimmer::report {
namespace {

using base::HumanBytes;
using base::WithCommas;
using model::ModuleKind;

constexpr uint64_t kMaxReadmeBytes = 4'000'000;
constexpr size_t kMostExpertNames = 20;

bool IsPlain(std::string_view text, std::string_view also) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) || also.find(static_cast<char>(c)) != also.npos;
  });
}

// A name inside Markdown: entities for what either language could read as markup.
std::string Name(std::string_view name) {
  std::string markdown;
  for (const char c : Text(name)) {
    if (std::string_view("*`[]|\\~$").find(c) != std::string_view::npos) {
      markdown += fmt::format("&#{};", static_cast<int>(c));
    } else {
      markdown += c;
    }
  }
  return markdown;
}

double Percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string Snr(const PackError& error) {
  const auto snr = error.snr_db();
  return snr ? fmt::format("{:.2f} dB", *snr) : "exact";
}

std::string FrontMatter(const Facts& facts) {
  std::string yaml = "---\n";
  const std::string base_model = BaseModel(facts.source_folder);
  if (!base_model.empty()) {
    yaml += fmt::format("base_model: {}\nbase_model_relation: quantized\n", base_model);
  }
  yaml += LicenceLines(facts.source_folder);
  return yaml +
         "library_name: transformers\npipeline_tag: text-generation\n"
         "tags:\n- nvfp4\n- modelopt\n- glimmer\n---\n\n";
}

std::string Introduction(const Facts& facts) {
  const quant::PlanTotals& t = facts.plan.totals;
  const std::string name = Name(FolderName(facts.source_folder));
  return fmt::format(
      "# {0} in NVFP4\n\n"
      "{0}, {1} parameters, with {2} of {3} linears in NVFP4 ({4}): 4-bit E2M1 weights, one E4M3 "
      "scale for 16 of them. Made by glimmer {5} in the layout of NVIDIA Model Optimizer {6}. "
      "Every figure here is computed from the files of this folder and the weights they were made "
      "from; `report.html` shows more of them, `report.json` all.\n\n",
      name, WithCommas(t.parameters_total), WithCommas(t.linears_quantized),
      WithCommas(t.linears_total),
      facts.plan.options.weights_only ? "W4A16_NVFP4: weights only" : "with input scales",
      quant::kVersion, quant::kLayoutVersion);
}

std::string SizeRows(const Facts& facts) {
  const quant::PlanTotals& t = facts.plan.totals;
  std::string rows = fmt::format(
      "| tensor data | {}, {:.1f} % of the source's {} |\n", HumanBytes(t.bytes_total()),
      Percent(t.bytes_total(), t.bytes_source), HumanBytes(t.bytes_source));
  rows +=
      fmt::format("| tensors | {} in {} shard{}{} |\n", WithCommas(t.tensors_total()), t.shards,
                  t.shards == 1 ? "" : "s", t.tensors_mtp > 0 ? " and the MTP layer's file" : "");
  rows += fmt::format("| linears in NVFP4 | {} of {}, {:.1f} % of all parameters |\n",
                      WithCommas(t.linears_quantized), WithCommas(t.linears_total),
                      Percent(t.parameters_quantized, t.parameters_total));
  if (t.tensors_mtp > 0) {
    rows += fmt::format("| MTP layer | kept as it was: {} tensors, {}, in `{}` |\n", t.tensors_mtp,
                        HumanBytes(t.bytes_mtp), quant::kMtpFileName);
  } else {
    rows += "| MTP layer | none |\n";
  }
  return rows;
}

std::string FactsTable(const Facts& facts, const Figures& figures) {
  std::string rows = "| | |\n|---|---|\n" + SizeRows(facts);
  rows += fmt::format("| recipe | {}: {} |\n", Name(facts.plan.recipe.name),
                      Name(facts.plan.recipe.description));
  const bool fp8 = facts.plan.recipe.kv_cache == quant::KvCacheFormat::kFp8Cast;
  rows += fmt::format("| KV cache | {} |\n",
                      fp8 ? "announced as FP8, a cast without scales" : "not quantized");
  if (figures.any_quantized()) {
    rows += fmt::format("| weight error | SNR {}, relative RMS {:.3f} % |\n", Snr(figures.error),
                        100 * figures.error.relative_rms());
  }
  if (facts.calibration != nullptr) {
    const std::string samples =
        figures.calibration_samples == 0
            ? ""
            : fmt::format(" in {} samples", WithCommas(figures.calibration_samples));
    rows += fmt::format("| calibration | {} tokens{} |\n", WithCommas(figures.calibration_tokens),
                        samples);
    rows += fmt::format("| expert coverage | {} of {} experts saw tokens ({:.2f} %) |\n",
                        WithCommas(figures.experts - figures.experts_unseen),
                        WithCommas(figures.experts),
                        Percent(figures.experts - figures.experts_unseen, figures.experts));
  }
  return rows + "\n";
}

std::string ErrorTable(const Figures& figures) {
  if (!figures.any_quantized()) return "";
  std::string rows;
  for (const KindFigures& kind : figures.kinds) {
    if (kind.quantized == 0) continue;
    rows +=
        fmt::format("| {} | {} | {} | {:.3f} % |\n", model::ModuleKindName(kind.kind),
                    WithCommas(kind.quantized), Snr(kind.error), 100 * kind.error.relative_rms());
  }
  return "## Weight error\n\nAgainst the BF16 weights, dequantized: sum of squared errors over sum "
         "of squares.\n\n| module | linears | SNR | relative RMS |\n|---|--:|--:|--:|\n" +
         rows + "\n";
}

// "3 experts saw no token: `a`, `b`, `c`."
std::string NamesText(const std::string& what, const std::vector<std::string>& names) {
  if (names.empty()) return "";
  std::string text = fmt::format("{} {}: ", names.size(), what);
  for (size_t i = 0; i < std::min(names.size(), kMostExpertNames); ++i) {
    text += fmt::format("{}`{}`", i == 0 ? "" : ", ", names[i]);
  }
  return text + (names.size() > kMostExpertNames ? ", … (`report.json` names all).\n\n" : ".\n\n");
}

std::string CalibrationSection(const Facts& facts) {
  if (facts.calibration == nullptr) {
    return "## Calibration\n\nNone: the weights alone are quantized, activations stay in 16 "
           "bits.\n\n";
  }
  const Calibration& calibration = *facts.calibration;
  std::string text = "## Calibration\n\n";
  if (calibration.files.empty()) {
    text += fmt::format("From statistics gathered before (XXH3 {}).\n\n", calibration.stats_hash);
  } else {
    text += "| file | samples | tokens | cut | SHA-256 |\n|---|--:|--:|--:|---|\n";
    for (const CalibrationFile& file : calibration.files) {
      text += fmt::format("| {} | {} | {} | {} | {} |\n", Name(base::BaseName(file.path)),
                          WithCommas(file.samples), WithCommas(file.tokens),
                          WithCommas(file.truncated), file.sha256);
    }
    text += fmt::format("\nFingerprint of the token sequences: {}.\n\n", calibration.fingerprint);
  }
  return text +
         NamesText("experts saw no token and have the largest input of their layer",
                   calibration.amaxes.unseen_experts) +
         NamesText(
             "linears read only zeros and have the largest input of their layer's experts, or "
             "of their kind",
             calibration.amaxes.zero_inputs);
}

// The packed modules that vLLM and SGLang do not serve (docs/engines.md, V20, S20, S21).
std::string Obstacles(const Figures& figures) {
  std::string names;
  for (const KindFigures& kind : figures.kinds) {
    const bool refused = kind.kind == ModuleKind::kIndexerWk ||
                         kind.kind == ModuleKind::kIndexerWeightsProj ||
                         kind.kind == ModuleKind::kKvBProj;
    if (!refused || kind.quantized == 0) continue;
    names += fmt::format("{}`{}`", names.empty() ? "" : ", ", model::ModuleKindName(kind.kind));
  }
  return names;
}

bool IsServedRecipe(const quant::Recipe& recipe) {
  for (const quant::Recipe& builtin : quant::BuiltinRecipes()) {
    if (builtin.text == recipe.text) return true;
  }
  return false;
}

std::string ServingSection(const Facts& facts, const Figures& figures) {
  const std::string obstacles = Obstacles(figures);
  std::string text = "## Serving\n\n";
  if (!obstacles.empty()) {
    return text +
           fmt::format(
               "vLLM and SGLang do not load this checkpoint: they need {} in BF16. `glimmer "
               "convert THIS_FOLDER OUT_DIR --engine vllm` makes one that they load, without "
               "the BF16 original. glimmer itself runs this one: `glimmer run "
               "THIS_FOLDER`.\n\n",
               obstacles);
  }
  if (!IsServedRecipe(facts.plan.recipe)) {
    return text + "`glimmer check THIS_FOLDER --engine all` says which engines load it.\n\n";
  }
  return text +
         "    vllm serve THIS_FOLDER\n"
         "    python -m sglang.launch_server --model-path THIS_FOLDER\n\n"
         "Both loaders accept this recipe; `glimmer check THIS_FOLDER --engine all` says for which "
         "releases, and why others refuse.\n\n";
}

std::string FieldOf(std::string_view front_matter, std::string_view key) {
  for (size_t begin = 0; begin < front_matter.size();) {
    const size_t end = std::min(front_matter.find('\n', begin), front_matter.size());
    std::string_view line = front_matter.substr(begin, end - begin);
    begin = end + 1;
    if (!line.starts_with(key) || !line.substr(key.size()).starts_with(':')) continue;
    line.remove_prefix(key.size() + 1);
    const size_t first = line.find_first_not_of(" \"'\t\r"),
                 last = line.find_last_not_of(" \"'\t\r");
    return first == line.npos ? "" : std::string(line.substr(first, last - first + 1));
  }
  return "";
}

std::string LicenceOfReadme(const std::string& folder) {
  const auto readme = base::ReadTextFile(base::JoinPath(folder, "README.md"), kMaxReadmeBytes);
  if (!readme.ok() || !readme.value().starts_with("---\n")) return "";
  const std::string_view text = readme.value();
  const std::string_view front = text.substr(4, text.find("\n---", 3) - 3);
  std::string lines;
  for (const char* key : {"license", "license_name", "license_link"}) {
    const std::string value = FieldOf(front, key);
    if (IsPlain(value, "-._/:")) lines += fmt::format("{}: {}\n", key, value);
  }
  return lines.starts_with("license: ") ? lines : "";
}

}  // namespace

std::string LicenceLines(const std::string& source_folder) {
  std::string lines = LicenceOfReadme(source_folder);
  if (!lines.empty()) return lines;
  const auto licence =
      base::ReadTextFile(base::JoinPath(source_folder, "LICENSE"), kMaxReadmeBytes);
  if (!licence.ok()) return "";
  const std::string_view beginning = std::string_view(licence.value()).substr(0, 400);
  if (beginning.find("Apache License") != beginning.npos) return "license: apache-2.0\n";
  if (beginning.find("MIT License") != beginning.npos) return "license: mit\n";
  return "license: other\nlicense_link: LICENSE\n";
}

std::string BaseModel(const std::string& source_folder) {
  constexpr std::string_view kCache = "models--";
  std::error_code error;
  const auto path = std::filesystem::absolute(source_folder, error).lexically_normal();
  for (const auto& part : path) {
    const std::string name = part.string();
    const size_t gap = name.find("--", kCache.size());
    if (!name.starts_with(kCache) || gap == name.npos) continue;
    const std::string id =
        name.substr(kCache.size(), gap - kCache.size()) + "/" + name.substr(gap + 2);
    if (IsPlain(id, "-._/")) return id;
  }
  const std::string name = FolderName(source_folder);
  const bool release = name == "GLM-5" || name == "GLM-5.1" || name == "GLM-5.2";
  return release ? "zai-org/" + name : "";
}

std::string CommandLine(const Facts& facts, bool short_paths) {
  constexpr char kPlain[] = "-._/:,=+@%";
  const auto word = [&](const std::string& text, const char* instead) {
    if (IsPlain(text, kPlain)) return text;
    return short_paths ? std::string(instead) : base::Quoted(text);
  };
  std::string line = "glimmer quantize ";
  line += word(short_paths ? FolderName(facts.source_folder) : facts.source_folder, "MODEL_DIR");
  line += " " + (short_paths ? "OUT_DIR" : word(facts.output_folder, ""));
  for (const Facts::Argument& argument : facts.arguments) {
    const bool shorten = short_paths && argument.is_path;
    line += " " + word(shorten ? base::BaseName(argument.text) : argument.text, "FILE");
  }
  return line;
}

std::string ModelCard(const Facts& facts, const Figures& figures) {
  return FrontMatter(facts) + Introduction(facts) + FactsTable(facts, figures) +
         ServingSection(facts, figures) + ErrorTable(figures) + CalibrationSection(facts) +
         "## Made with\n\n    " + CommandLine(facts, true) +
         "\n\nThe same command with the same weights and texts gives the same bytes.\n";
}

}  // namespace glimmer::report
