#include "apps/chat_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace glimmer::apps {
namespace {

constexpr char kHelp[] =
    "  /clear               forget the conversation\n"
    "  /system TEXT         set the system message and start again; without TEXT remove it\n"
    "  /thinking on|off     let the model think before it answers\n"
    "  /set                 show how tokens are drawn\n"
    "  /set NAME VALUE      change it: temperature, top_k, top_p, min_p, repetition_penalty,\n"
    "                       presence_penalty, frequency_penalty, seed, max_new_tokens\n"
    "  /retry               forget the last answer and ask again with the next seed\n"
    "  /stats on|off        show statistics behind each answer\n"
    "  /help                this list\n"
    "  /quit                leave, as does Ctrl-D; Ctrl-C stops an answer\n";

// The first word, and what follows it without the blanks around.
std::pair<std::string, std::string> FirstWord(const std::string& text) {
  constexpr char kBlanks[] = " \t\r";
  const size_t end = std::min(text.find_first_of(kBlanks), text.size());
  const size_t next = std::min(text.find_first_not_of(kBlanks, end), text.size());
  const size_t last = text.find_last_not_of(kBlanks);
  return {text.substr(0, end), next == text.size() ? "" : text.substr(next, last + 1 - next)};
}

template <typename Number>
bool Parse(const std::string& text, Number& target) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  target = value;
  return true;
}

bool SetByName(const std::string& name, const std::string& value, engine::AnswerOptions& options) {
  engine::SamplingOptions& sampling = options.sampling;
  if (name == "temperature") return Parse(value, sampling.temperature);
  if (name == "top_k") return Parse(value, sampling.top_k);
  if (name == "top_p") return Parse(value, sampling.top_p);
  if (name == "min_p") return Parse(value, sampling.min_p);
  if (name == "repetition_penalty") return Parse(value, sampling.repetition_penalty);
  if (name == "presence_penalty") return Parse(value, sampling.presence_penalty);
  if (name == "frequency_penalty") return Parse(value, sampling.frequency_penalty);
  if (name == "seed") return Parse(value, sampling.seed);
  if (name == "max_new_tokens") return Parse(value, options.max_new_tokens);
  return false;
}

std::string Shown(const engine::AnswerOptions& options) {
  const engine::SamplingOptions& s = options.sampling;
  return fmt::format(
      "  temperature {}, top_k {}, top_p {}, min_p {}, repetition_penalty {},\n"
      "  presence_penalty {}, frequency_penalty {}, seed {}, max_new_tokens {}\n",
      s.temperature, s.top_k, s.top_p, s.min_p, s.repetition_penalty, s.presence_penalty,
      s.frequency_penalty, s.seed,
      options.max_new_tokens == SIZE_MAX ? "unlimited" : std::to_string(options.max_new_tokens));
}

std::string Set(const std::string& arguments, Chat& chat) {
  if (arguments.empty()) return Shown(chat.options);
  const auto [name, value] = FirstWord(arguments);
  engine::AnswerOptions changed = chat.options;
  if (!SetByName(name, value, changed)) {
    return fmt::format("/set {} {}: expected a name of /help and a number\n", name, value);
  }
  if (const base::Status status = changed.sampling.Check(); !status.ok()) {
    return status.error().message + "\n";
  }
  if (changed.max_new_tokens == 0) return "max_new_tokens: expected at least 1, found 0\n";
  chat.options = changed;
  return Shown(chat.options);
}

std::string Switch(const std::string& name, const std::string& value, bool& target) {
  if (value != "on" && value != "off") {
    return fmt::format("/{}: expected on or off, found {}\n", name,
                       value.empty() ? "nothing" : value);
  }
  target = value == "on";
  return fmt::format("{} is {}\n", name, value);
}

}  // namespace

CommandResult RunChatCommand(const std::string& line, ChatState& state) {
  const auto [name, rest] = FirstWord(line.substr(1));
  if (name == "help") return {kHelp, ""};
  if (name == "set") return {Set(rest, state.chat), ""};
  if (name == "thinking") return {Switch(name, rest, state.chat.thinking), ""};
  if (name == "stats") return {Switch(name, rest, state.statistics), ""};
  if (name == "clear") {
    state.chat.Clear();
    return {"the conversation is forgotten\n", ""};
  }
  if (name == "system") {
    state.chat.system = rest;
    state.chat.Clear();
    return {rest.empty() ? "no system message\n" : "system message set\n", ""};
  }
  if (name == "retry") {
    const std::optional<std::string> question = state.chat.TakeBack();
    if (!question) return {"/retry: nothing was asked yet\n", ""};
    ++state.chat.options.sampling.seed;
    return {"", *question};
  }
  if (name == "quit" || name == "exit") {
    state.quit = true;
    return {};
  }
  return {fmt::format("/{}: no such command; /help lists them\n", name), ""};
}

}  // namespace glimmer::apps
