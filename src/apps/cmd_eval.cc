#include <fmt/format.h>

#include "apps/command.h"
#include "apps/gsm8k_task.h"
#include "apps/open_model.h"
#include "apps/terminal.h"
#include "base/file.h"
#include "base/text.h"
#include "eval/evaluation.h"
#include "eval/token_file.h"

namespace glimmer::apps {
namespace {

using base::Result;
using base::Status;
using base::WithCommas;
using text::TokenId;

constexpr uint64_t kMaxTextBytes = 256'000'000;

struct Options {
  ModelOptions model;
  std::string text, tokens, task;
  Gsm8kOptions gsm8k;
  std::optional<uint64_t> context;  // the model's by default
  std::optional<uint64_t> stride;   // the context by default
  size_t chunk = 512;
  std::string save_logits, compare;
  bool mtp = false;
  bool json = false;
  std::vector<Option> of_texts{};
};

struct Text {
  std::vector<TokenId> ids;
  size_t context, stride;
  std::vector<eval::Window> windows;
};

Result<Text> ReadText(const Options& options, const OpenedModel& opened) {
  Text text;
  const uint64_t vocab_size = opened.model.config.vocab_size;
  if (!options.tokens.empty()) {
    GLIMMER_ASSIGN(text.ids, eval::ReadTokenFile(options.tokens, vocab_size));
  } else {
    GLIMMER_ASSIGN(const text::Tokenizer tokenizer, OpenTokenizer(opened));
    GLIMMER_ASSIGN(const std::string content, base::ReadTextFile(options.text, kMaxTextBytes));
    GLIMMER_ASSIGN(text.ids, tokenizer.Encode(content));
    if (text.ids.size() < 2) {
      return base::Invalid(fmt::format("{}: has {} tokens: expected at least 2",
                                       base::Quoted(options.text), text.ids.size()));
    }
  }
  const uint64_t longest = opened.model.config.max_position_embeddings;
  if (options.context.value_or(0) > longest) {
    return base::Invalid(
        fmt::format("--context {}: expected at most {}, as max_position_embeddings in {} says",
                    *options.context, longest, model::kConfigName));
  }
  text.context = options.context.value_or(longest);
  text.stride = options.stride.value_or(text.context);
  GLIMMER_ASSIGN(text.windows, eval::MakeWindows(text.ids.size(), text.context, text.stride));
  return text;
}

std::string WithError(const eval::Measured& value, int digits) {
  return fmt::format("{:.{}f} ± {:.{}f}", value.value, digits, value.standard_error, digits);
}

std::string Percent(const eval::Measured& share) {
  return fmt::format("{:.2f} ± {:.2f} %", 100 * share.value, 100 * share.standard_error);
}

std::string ReportText(const Options& options, const OpenedModel& opened, const Text& text,
                       const eval::EvaluationReport& report) {
  std::string out = fmt::format("{}  {}\n", Bold(options.model.checkpoint), SettingsText(opened));
  out += fmt::format("{} tokens in {} window{} of at most {}, stride {}; {} predicted\n",
                     WithCommas(text.ids.size()), text.windows.size(),
                     text.windows.size() == 1 ? "" : "s", WithCommas(text.context),
                     WithCommas(text.stride), WithCommas(report.scored_tokens));
  Table table({"measure", "value"}, {Align::kLeft, Align::kRight});
  table.AddRow({"perplexity", WithError(eval::ExpOf(report.nll), 4)});
  table.AddRow({"mean negative log-likelihood", WithError(report.nll, 5)});
  if (const auto& d = report.divergence) {
    table.AddRow({"perplexity of the base", WithError(eval::ExpOf(d->base_nll), 4)});
    table.AddRow({"ln of the perplexities' ratio", WithError(d->nll_difference, 5)});
    table.AddRow({"mean KL divergence from the base", WithError(d->kl_mean, 5)});
    table.AddRow({"median, 99 %, largest KL",
                  fmt::format("{:.5f}, {:.4f}, {:.3f}", d->kl_median, d->kl_p99, d->kl_max)});
    table.AddRow({"same likeliest token", Percent(d->same_top)});
    table.AddRow(
        {"flips", fmt::format("{} ({} right to wrong, {} wrong to right)", Percent(d->flips),
                              WithCommas(d->right_to_wrong), WithCommas(d->wrong_to_right))});
  }
  if (const auto& a = report.acceptance) {
    for (size_t j = 0; j < a->accepted.size(); ++j) {
      table.AddRow({fmt::format("MTP draft {} accepted", j + 1), Percent(a->accepted[j])});
    }
    table.AddRow(
        {"tokens for each step of the model", fmt::format("{:.3f}", a->tokens_per_step())});
  }
  out += table.Text();
  out += Dim(fmt::format(
      "{} in {}, {:.0f} tokens/s\n", options.save_logits.empty() ? "done" : "logits saved",
      base::HumanSeconds(report.seconds),
      static_cast<double>(eval::EvaluationWork({.windows = text.windows})) / report.seconds));
  return out;
}

base::JsonObject ReportJson(const OpenedModel& opened, const Options& options, const Text& text,
                            const eval::EvaluationReport& report) {
  base::JsonObject json = {{"checkpoint", options.model.checkpoint},
                           {"weights", opened.weights_name()},
                           {"settings", SettingsJson(opened)},
                           {"tokens", text.ids.size()},
                           {"predicted_tokens", report.scored_tokens},
                           {"windows", text.windows.size()},
                           {"context", text.context},
                           {"stride", text.stride},
                           {"chunk", options.chunk},
                           {"perplexity", eval::ExpOf(report.nll).value},
                           {"perplexity_error", eval::ExpOf(report.nll).standard_error},
                           {"mean_nll", report.nll.value},
                           {"mean_nll_error", report.nll.standard_error},
                           {"seconds", report.seconds}};
  if (const auto& d = report.divergence) {
    json["compare"] = {{"base_perplexity", eval::ExpOf(d->base_nll).value},
                       {"ln_perplexity_ratio", d->nll_difference.value},
                       {"ln_perplexity_ratio_error", d->nll_difference.standard_error},
                       {"kl", d->kl_mean.value},
                       {"kl_error", d->kl_mean.standard_error},
                       {"kl_median", d->kl_median},
                       {"kl_p99", d->kl_p99},
                       {"kl_max", d->kl_max},
                       {"top1_agreement", d->same_top.value},
                       {"top1_differs", d->different_top},
                       {"flips", d->flips.value},
                       {"right_to_wrong", d->right_to_wrong},
                       {"wrong_to_right", d->wrong_to_right}};
  }
  if (const auto& a = report.acceptance) {
    base::JsonArray accepted;
    for (const eval::Measured& share : a->accepted) accepted.push_back(share.value);
    json["mtp"] = {{"chains", a->chains},
                   {"acceptance", std::move(accepted)},
                   {"tokens_per_step", a->tokens_per_step()}};
  }
  return json;
}

Status EvaluateText(const Options& options) {
  GLIMMER_ASSIGN(const OpenedModel opened, OpenToCompute(options.model));
  if (options.mtp && opened.model.weights.mtp.empty()) {
    return base::Invalid(fmt::format(
        "{}: --mtp: expected an MTP layer, found num_nextn_predict_layers {} in {} and no tensors "
        "of it",
        base::Quoted(options.model.checkpoint), opened.model.config.num_nextn_predict_layers,
        model::kConfigName));
  }
  GLIMMER_ASSIGN(const Text text, ReadText(options, opened));
  eval::EvaluationOptions evaluation = {
      .windows = text.windows, .chunk_tokens = options.chunk, .mtp = options.mtp};
  const uint64_t vocab_size = opened.model.config.vocab_size;
  std::optional<eval::SavedLogits> base_logits;
  if (!options.compare.empty()) {
    GLIMMER_ASSIGN(base_logits, eval::SavedLogits::Open(options.compare, text.ids, vocab_size));
    evaluation.base = &*base_logits;
  }
  std::optional<eval::LogitsWriter> writer;
  if (!options.save_logits.empty()) {
    GLIMMER_ASSIGN(writer, eval::LogitsWriter::Create(
                               options.save_logits, text.ids, vocab_size,
                               options.mtp ? eval::MtpLogits::kPresent : eval::MtpLogits::kAbsent));
    evaluation.save = &*writer;
  }
  std::atomic<uint64_t> done{0};
  Result<eval::EvaluationReport> report = [&] {
    const ProgressLine line("evaluating", done, eval::EvaluationWork(evaluation),
                            ProgressLine::Unit::kTokens);
    return eval::Evaluate(opened.model, *opened.pool, text.ids, evaluation, Interrupted(), done);
  }();
  if (!report.ok()) {
    const bool of_checkpoint = report.error().kind == base::ErrorKind::kCorrupt &&
                               !report.error().message.starts_with('"');
    if (of_checkpoint) return std::move(report).error().In(base::Quoted(options.model.checkpoint));
    return std::move(report).error();
  }
  if (writer) GLIMMER_TRY(writer->Finish());
  Print(options.json ? base::DumpJson(ReportJson(opened, options, text, report.value()), 2) + "\n"
                     : ReportText(options, opened, text, report.value()));
  return {};
}

// Options that have no meaning beside what was asked for.
Status CheckOptionsFit(const Options& options) {
  const int sources = !options.text.empty() + !options.tokens.empty() + !options.task.empty();
  if (sources != 1) {
    return base::Invalid("expected one of --text, --tokens and --task, found " +
                         std::to_string(sources));
  }
  if (options.task.empty()) return CheckNotGiven(options.gsm8k.declared, "without --task");
  return CheckNotGiven(options.of_texts, "with --task");
}

Status RunEval(const Options& options) {
  GLIMMER_TRY(CheckOptionsFit(options));
  if (options.task.empty()) return EvaluateText(options);
  return RunGsm8k(options.model, options.gsm8k, options.json);
}

}  // namespace

void AddEval(Command program) {
  auto options = std::make_shared<Options>();
  Command command =
      program.AddCommand("eval", "Measure a model: perplexity, divergence, MTP, GSM8K");
  command.AddOption("--text", &options->text, "Text file to predict");
  command.AddOption("--tokens", &options->tokens,
                    "The same as token ids: a JSON array, taken as it is");
  options->of_texts = {
      command
          .AddOption("--context", &options->context,
                     "Tokens of a window; by default the model's context")
          .Range(size_t{2}, size_t{1} << 40),
      command
          .AddOption("--stride", &options->stride,
                     "How far windows advance; by default the context, without overlap")
          .Range(size_t{1}, size_t{1} << 40),
      command.AddOption("--chunk", &options->chunk, "Tokens of one pass")
          .Range(size_t{1}, size_t{1} << 20)
          .ShowDefault(),
      command.AddOption("--save-logits", &options->save_logits,
                        "Write all logits to a safetensors file, to compare another run with"),
      command.AddOption("--compare", &options->compare,
                        "Logits of a base run: KL divergence, agreement and flips"),
      command.AddFlag(
          "--mtp", &options->mtp,
          "Also the MTP layer: its logits, and how many drafts a greedy model accepts")};
  command.AddOption("--task", &options->task, "Answer questions instead: gsm8k").OneOf({"gsm8k"});
  AddGsm8kOptions(command, options->gsm8k);
  command.AddFlag("--json", &options->json, "Print JSON");
  AddModelOptions(command, options->model);
  command.SetFooter(
      "Examples:\n"
      "  glimmer eval models/reference --text README.md --save-logits base.safetensors\n"
      "  glimmer eval out --text README.md --compare base.safetensors\n"
      "  glimmer eval out --task gsm8k --file gsm8k.test.jsonl --limit 100\n"
      "Windows, measures and the file of logits are described in docs/evaluation.md.");
  command.SetBody([options] { return RunEval(*options); });
}

}  // namespace glimmer::apps
