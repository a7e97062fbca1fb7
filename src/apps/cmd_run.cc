#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <random>

#include "apps/chat.h"
#include "apps/chat_commands.h"
#include "apps/chat_view.h"
#include "apps/command.h"
#include "apps/line_editor.h"
#include "apps/open_model.h"
#include "apps/terminal.h"
#include "apps/text_input.h"
#include "base/text.h"
#include "unicode/utf8.h"

namespace glimmer::apps {
namespace {

using base::Result;
using base::Status;

constexpr uint64_t kMaxPromptBytes = 64'000'000;

// Options that override generation_config.json where they are given.
struct SamplingFlags {
  std::optional<double> temperature, top_p, min_p, repetition_penalty;
  std::optional<double> presence_penalty, frequency_penalty;
  std::optional<int64_t> top_k;
  std::optional<uint64_t> seed;
  std::optional<size_t> max_new_tokens;
  std::vector<std::string> stop;
};

struct Options {
  ModelOptions model;
  std::string prompt;
  bool has_prompt = false;
  std::string system;
  std::string thinking = "on";
  std::string generation_config = "auto";
  SamplingFlags sampling;
  bool raw = false;
  bool json = false;
  bool no_stats = false;
  std::vector<Option> of_chats{};  // that --raw has no use for
};

uint64_t RandomSeed() { return std::random_device()() % 1'000'000; }

Result<engine::AnswerOptions> AnswerOptionsOf(const Options& options, const OpenedModel& opened) {
  const engine::ModelFacts facts = FactsOf(opened.model);
  engine::GenerationConfig config = engine::DefaultGenerationConfig(facts);
  if (options.generation_config == "auto") {
    GLIMMER_ASSIGN(config, engine::ReadGenerationConfig(options.model.checkpoint, facts));
  }
  const SamplingFlags& flags = options.sampling;
  engine::AnswerOptions answer = {.sampling = config.Sampling(),
                                  .eos_token_id = config.eos_token_id,
                                  .stop_strings = config.stop_strings};
  engine::SamplingOptions& s = answer.sampling;
  s.temperature = flags.temperature.value_or(s.temperature);
  s.top_k = flags.top_k.value_or(s.top_k);
  s.top_p = flags.top_p.value_or(s.top_p);
  s.min_p = flags.min_p.value_or(s.min_p);
  s.repetition_penalty = flags.repetition_penalty.value_or(s.repetition_penalty);
  s.presence_penalty = flags.presence_penalty.value_or(s.presence_penalty);
  s.frequency_penalty = flags.frequency_penalty.value_or(s.frequency_penalty);
  s.seed = flags.seed ? *flags.seed : RandomSeed();
  GLIMMER_TRY(s.Check());
  if (config.max_length && !config.max_new_tokens && !flags.max_new_tokens) {
    answer.max_length = static_cast<size_t>(*config.max_length);
  }
  if (config.max_new_tokens) answer.max_new_tokens = static_cast<size_t>(*config.max_new_tokens);
  answer.max_new_tokens = flags.max_new_tokens.value_or(answer.max_new_tokens);
  answer.stop_strings.insert(answer.stop_strings.end(), flags.stop.begin(), flags.stop.end());
  return answer;
}

void PrintNote(const std::string& note) {
  std::fflush(stdout);
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  std::fprintf(stderr, terminal ? "\x1b[2m%s\x1b[0m\n" : "%s\n", note.c_str());
}

// Of a single answer: what was written stands, and the exit code says that more would have come.
void TellInterruption(const engine::Answer& answer) {
  if (answer.end != engine::AnswerEnd::kInterrupted) return;
  SetExitCode(base::ExitCode(base::ErrorKind::kCancelled));
}

// Continues the prompt as it is, without a template.
Status Continue(const Options& options, const std::string& prompt, const text::Tokenizer& tokenizer,
                engine::Session& session, const engine::AnswerOptions& answer_options) {
  GLIMMER_ASSIGN(const std::vector<text::TokenId> ids, tokenizer.Encode(prompt));
  const auto show = [&](std::string_view piece) {
    if (options.json) return;
    Print(std::string(piece));
    std::fflush(stdout);
  };
  GLIMMER_ASSIGN(const engine::Answer answer,
                 engine::MakeAnswer(session, tokenizer, ids, answer_options, show, Interrupted()));
  TellInterruption(answer);
  if (options.json) {
    chat::ParsedOutput parsed;
    parsed.content = answer.text;
    Print(base::DumpJson(AnswerJson({answer, parsed}, answer_options.sampling.seed), 2) + "\n");
    return {};
  }
  Print("\n");
  if (!options.no_stats) PrintNote(StatisticsText(answer, answer_options.sampling.seed));
  return {};
}

Status AskOnce(const Options& options, const std::string& prompt, Chat& chat, bool statistics) {
  AnswerView view(chat.thinking);
  const auto show = [&](const chat::OutputEvent& event) {
    if (!options.json) view.Show(event);
  };
  GLIMMER_ASSIGN(const ChatAnswer answer, chat.Ask(prompt, show, Interrupted()));
  if (options.has_prompt) TellInterruption(answer.answer);
  const uint64_t seed = chat.options.sampling.seed;
  if (options.json) {
    Print(base::DumpJson(AnswerJson(answer, seed), 2) + "\n");
    return {};
  }
  view.Finish();
  if (statistics) PrintNote(StatisticsText(answer.answer, seed));
  return {};
}

// One turn of the conversation. Errors: only those that end it.
Status TakeTurn(const Options& options, std::string line, ChatState& state) {
  line.erase(0, line.find_first_not_of(" \t"));
  if (line.starts_with('/')) {
    const CommandResult result = RunChatCommand(line, state);
    Print(result.text);
    line = result.ask;
  }
  if (line.empty()) return {};
  const Status status = AskOnce(options, line, state.chat, state.statistics);
  // The conversation goes on: the next question may be one that can be answered.
  if (!status.ok() && status.error().kind != base::ErrorKind::kCancelled) {
    std::fprintf(stderr, "glimmer: %s\n", status.error().message.c_str());
  }
  return {};
}

Status Converse(const Options& options, Chat& chat) {
  CatchInterrupts(WaitingReads::kEnd);
  const bool terminal = ::isatty(STDIN_FILENO) != 0;
  ChatState state = {chat, !options.no_stats};
  if (terminal) Print(Dim("/help lists commands; /quit or Ctrl-D leaves\n"));
  while (!state.quit) {
    const UserLine line = ReadUserLine("> ");
    const bool stopped = Interrupted().IsSet() && (!terminal || Terminated().IsSet());
    if (stopped) return base::Cancelled("stopped");
    Interrupted().Clear();
    if (line.end == LineEnd::kEndOfInput) break;
    if (line.end == LineEnd::kInterrupted) {
      Print("\n" + Dim("/quit or Ctrl-D leaves") + "\n");
      continue;
    }
    GLIMMER_TRY(TakeTurn(options, line.text, state));
    if (Terminated().IsSet()) return base::Cancelled("stopped");
    Interrupted().Clear();
  }
  if (terminal) Print("\n");
  return {};
}

// The prompt as it was given, or standard input without its last line break.
Result<std::string> ReadPrompt(const Options& options) {
  std::string prompt = options.prompt;
  if (prompt == "-") {
    GLIMMER_ASSIGN(prompt, ReadText({}, kMaxPromptBytes));
    if (prompt.ends_with('\n')) prompt.pop_back();
  }
  if (options.has_prompt && prompt.empty()) return base::Invalid("--prompt: the prompt is empty");
  if (const size_t valid = unicode::ValidPrefixBytes(prompt); valid < prompt.size()) {
    return base::Invalid(fmt::format("--prompt: byte {} is not UTF-8", valid));
  }
  return prompt;
}

Status RunRun(const Options& options) {
  if (options.raw && !options.has_prompt) {
    return base::Invalid("--raw: expected a prompt to continue, --prompt TEXT");
  }
  if (options.raw) GLIMMER_TRY(CheckNotGiven(options.of_chats, "with --raw"));
  GLIMMER_ASSIGN(const std::string prompt, ReadPrompt(options));
  GLIMMER_ASSIGN(const OpenedModel opened, OpenToCompute(options.model));
  GLIMMER_ASSIGN(const text::Tokenizer tokenizer, OpenTokenizer(opened));
  GLIMMER_ASSIGN(const engine::AnswerOptions answer_options, AnswerOptionsOf(options, opened));
  // A conversation on a terminal begins with the whole line of settings.
  const bool settings_shown = !options.has_prompt && ::isatty(STDOUT_FILENO) != 0;
  const std::string lm_head = LmHeadText(opened);
  if (!settings_shown && !options.no_stats && !lm_head.empty()) PrintNote(lm_head);
  engine::Session session(opened.model, *opened.pool);
  if (options.raw) return Continue(options, prompt, tokenizer, session, answer_options);
  GLIMMER_ASSIGN(const chat::ChatTemplate chat_template,
                 chat::ChatTemplate::Load(options.model.checkpoint));
  Chat chat(chat_template, tokenizer, session);
  chat.options = answer_options;
  chat.system = options.system;
  chat.thinking = options.thinking == "on";
  if (options.has_prompt) {
    return AskOnce(options, prompt, chat, !options.no_stats);
  }
  if (settings_shown) {
    Print(fmt::format("{}  {}\n", Bold(options.model.checkpoint), SettingsText(opened)));
  }
  return Converse(options, chat);
}

void AddSamplingOptions(Command command, SamplingFlags& flags) {
  command.AddOption("--temperature", &flags.temperature, "0 takes the likeliest token");
  command.AddOption("--top-k", &flags.top_k, "Only the k likeliest tokens; 0: all");
  command.AddOption("--top-p", &flags.top_p, "Only the likeliest tokens that sum to p");
  command.AddOption("--min-p", &flags.min_p, "Only tokens at least p times the likeliest");
  command.AddOption("--repetition-penalty", &flags.repetition_penalty,
                    "Divides the logits of tokens that were there before; 1: off");
  command.AddOption("--presence-penalty", &flags.presence_penalty,
                    "Taken from the logits of tokens that the answer has");
  command.AddOption("--frequency-penalty", &flags.frequency_penalty,
                    "The same for each time that it has them");
  command.AddOption("--seed", &flags.seed, "The same seed gives the same text; random by default");
  command.AddOption("--max-new-tokens", &flags.max_new_tokens, "Longest answer")
      .Range(size_t{1}, size_t{1} << 30);
  command.AddOption("--stop", &flags.stop, "Text that ends the answer; may be given several times")
      .OneValueEach();
}

}  // namespace

void AddRun(Command program) {
  auto options = std::make_shared<Options>();
  Command command = program.AddCommand("run", "Talk with a model, or get one answer");
  const Option prompt = command.AddOption("-p,--prompt", &options->prompt,
                                          "Answer this and leave; - reads it from standard input");
  options->of_chats = {
      command.AddOption("--system", &options->system, "System message"),
      command
          .AddOption("--thinking", &options->thinking,
                     "on: the model thinks before it answers, shown dimmed; off: it does not")
          .OneOf({"on", "off"})
          .ShowDefault()};
  command.AddFlag("--raw", &options->raw, "Continue the prompt as it is, without chat template");
  AddSamplingOptions(command, options->sampling);
  command
      .AddOption("--generation-config", &options->generation_config,
                 "auto: defaults from the checkpoint's generation_config.json; none: without it")
      .OneOf({"auto", "none"})
      .ShowDefault();
  command.AddFlag("--json", &options->json, "Print each answer as JSON");
  command.AddFlag("--no-stats", &options->no_stats, "No statistics behind answers");
  AddModelOptions(command, options->model);
  command.SetFooter(
      "Examples:\n"
      "  glimmer run models/reference\n"
      "  glimmer run models/reference --thinking off --temperature 0 -p \"What is 3 + 4?\"\n"
      "Where standard output is no terminal it gets the answer alone; thinking and statistics go "
      "to\nstandard error.");
  command.SetBody([options, prompt] {
    options->has_prompt = prompt.Given();
    return RunRun(*options);
  });
}

}  // namespace glimmer::apps
