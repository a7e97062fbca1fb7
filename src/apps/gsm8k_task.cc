#include "apps/gsm8k_task.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/chat.h"
#include "apps/command.h"
#include "apps/terminal.h"
#include "base/file.h"
#include "base/text.h"
#include "eval/gsm8k.h"
#include "eval/mean_estimate.h"

namespace glimmer::apps {
namespace {

using base::Result;
using base::Status;

struct Score {
  size_t asked = 0, right = 0, without_number = 0, cut_off = 0;
  std::string answers;  // JSON lines
};

Status AskAll(Chat& chat, std::span<const eval::Gsm8kProblem> problems, std::atomic<uint64_t>& done,
              Score& score) {
  for (const eval::Gsm8kProblem& problem : problems) {
    chat.Clear();
    GLIMMER_ASSIGN(const ChatAnswer answer,
                   chat.Ask(
                       problem.question, [](const chat::OutputEvent&) {}, Interrupted()));
    if (Interrupted().IsSet()) return base::Cancelled("interrupted");
    const std::string text = answer.parsed.content.value_or("");
    const std::optional<std::string> number = eval::FinalNumber(text);
    const bool right = eval::IsRight(problem, text);
    ++score.asked;
    score.right += right;
    score.without_number += !number.has_value();
    score.cut_off += answer.answer.end != engine::AnswerEnd::kEosToken;
    const base::JsonObject line = {{"question", problem.question},
                                   {"expected", problem.number},
                                   {"found", number ? base::JsonValue(*number) : nullptr},
                                   {"right", right},
                                   {"answer", answer.answer.text}};
    score.answers += base::DumpJson(line, 0) + "\n";
    ++done;
  }
  return {};
}

void PrintScore(const ModelOptions& model, const OpenedModel& opened, const Gsm8kOptions& options,
                const Score& score, bool json) {
  const eval::Measured share = eval::ShareOf(score.right, score.asked);
  if (json) {
    Print(base::DumpJson(base::JsonObject{{"checkpoint", model.checkpoint},
                                          {"weights", opened.weights_name()},
                                          {"settings", SettingsJson(opened)},
                                          {"task", "gsm8k"},
                                          {"thinking", options.thinking == "on"},
                                          {"max_new_tokens", options.max_new_tokens},
                                          {"problems", score.asked},
                                          {"right", score.right},
                                          {"accuracy", share.value},
                                          {"accuracy_error", share.standard_error},
                                          {"without_number", score.without_number},
                                          {"cut_off", score.cut_off}},
                         2) +
          "\n");
    return;
  }
  Print(fmt::format("{}  {}\n", Bold(model.checkpoint), SettingsText(opened)));
  Table table({"GSM8K, greedy, thinking " + options.thinking, ""}, {Align::kLeft, Align::kRight});
  table.AddRow({"problems", base::WithCommas(score.asked)});
  table.AddRow({"right", fmt::format("{} ({:.1f} ± {:.1f} %)", base::WithCommas(score.right),
                                     100 * share.value, 100 * share.standard_error)});
  table.AddRow({"answers without a number", base::WithCommas(score.without_number)});
  table.AddRow({fmt::format("answers cut off at {} tokens", options.max_new_tokens),
                base::WithCommas(score.cut_off)});
  Print(table.Text());
}

}  // namespace

void AddGsm8kOptions(Command command, Gsm8kOptions& options) {
  options.declared = {
      command.AddOption("--file", &options.file,
                        "With --task: the problems, one JSON object {question, answer} a line"),
      command.AddOption("--limit", &options.limit, "With --task: only the first problems")
          .Range(size_t{1}, size_t{1} << 40),
      command.AddOption("--max-new-tokens", &options.max_new_tokens, "With --task: of an answer")
          .Range(size_t{1}, size_t{1} << 30)
          .ShowDefault(),
      command
          .AddOption("--thinking", &options.thinking, "With --task: whether the model thinks first")
          .OneOf({"on", "off"})
          .ShowDefault(),
      command
          .AddOption("--generation-config", &options.generation_config,
                     "With --task: where the end tokens stand; none: in config.json")
          .OneOf({"auto", "none"})
          .ShowDefault(),
      command.AddOption("--answers", &options.answers,
                        "With --task: write every answer to this file")};
}

Status RunGsm8k(const ModelOptions& model, const Gsm8kOptions& options, bool json) {
  if (options.file.empty()) return base::Invalid("--task gsm8k: expected --file with the problems");
  GLIMMER_ASSIGN(std::vector<eval::Gsm8kProblem> problems, eval::ReadGsm8k(options.file));
  if (options.limit) problems.resize(std::min<size_t>(problems.size(), *options.limit));
  if (!options.answers.empty()) GLIMMER_TRY(base::CheckCanWrite(options.answers));
  if (problems.empty()) {
    return base::Invalid(base::Quoted(options.file) + ": holds no problem");
  }
  GLIMMER_ASSIGN(const OpenedModel opened, OpenToCompute(model));
  GLIMMER_ASSIGN(const text::Tokenizer tokenizer, OpenTokenizer(opened));
  GLIMMER_ASSIGN(const chat::ChatTemplate chat_template,
                 chat::ChatTemplate::Load(model.checkpoint));
  const engine::ModelFacts facts = FactsOf(opened.model);
  engine::GenerationConfig generation = engine::DefaultGenerationConfig(facts);
  if (options.generation_config == "auto") {
    GLIMMER_ASSIGN(generation, engine::ReadGenerationConfig(model.checkpoint, facts));
  }
  engine::Session session(opened.model, *opened.pool);
  Chat chat(chat_template, tokenizer, session);
  chat.thinking = options.thinking == "on";
  chat.options = {.sampling = {.temperature = 0},
                  .max_new_tokens = options.max_new_tokens,
                  .eos_token_id = generation.eos_token_id};
  std::atomic<uint64_t> done{0};
  Score score;
  {
    const ProgressLine line("answering", done, problems.size(), ProgressLine::Unit::kProblems);
    GLIMMER_TRY(AskAll(chat, problems, done, score));
  }
  if (!options.answers.empty()) {
    GLIMMER_TRY(base::WriteFileAtomically(options.answers, score.answers));
  }
  PrintScore(model, opened, options, score, json);
  return {};
}

}  // namespace glimmer::apps
