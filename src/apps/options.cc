#include "apps/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

namespace glimmer::apps {
namespace {

// A range, refused in the words of all other errors. NaN lies in none.
template <typename Number>
void CheckRange(CLI::Option* option, Number low, Number high) {
  option->check([low, high](const std::string& word) -> std::string {
    Number value{};
    if (CLI::detail::lexical_cast(word, value) && value >= low && value <= high) return "";
    return fmt::format("expected {} to {}, found {}", low, high, word);
  });
}

// One of its commands runs, which would not see them.
void RefuseOwnOptions(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0) continue;
    throw CLI::ValidationError(option->get_name(),
                               fmt::format("has no meaning before `{} {}`", command.get_name(),
                                           command.get_subcommands().front()->get_name()));
  }
}

}  // namespace

Option& Option::Required() {
  option_->required();
  return *this;
}

Option& Option::ShowDefault() {
  option_->capture_default_str();
  return *this;
}

Option& Option::OneValueEach() {
  option_->allow_extra_args(false);
  return *this;
}

Option& Option::OneOf(const std::vector<std::string>& words) {
  option_->check(CLI::IsMember(words));
  return *this;
}

Option& Option::Range(int low, int high) {
  CheckRange(option_, low, high);
  return *this;
}

Option& Option::Range(size_t low, size_t high) {
  CheckRange(option_, low, high);
  return *this;
}

Option& Option::Range(double low, double high) {
  CheckRange(option_, low, high);
  return *this;
}

std::string Option::Name() const { return option_->get_name(); }

bool Option::Given() const { return option_->count() > 0; }

base::Status CheckNotGiven(const std::vector<Option>& options, const std::string& because) {
  for (const Option& option : options) {
    if (option.Given()) return base::Invalid(option.Name() + ": has no meaning " + because);
  }
  return {};
}

Command Command::AddCommand(const std::string& name, const std::string& description) {
  app_->require_subcommand(1);
  return Command(app_->add_subcommand(name, description), selected_);
}

void Command::MakeCommandsOptional() { app_->require_subcommand(0, 1); }

Option Command::AddOption(const std::string& names, Destination destination,
                          const std::string& description) {
  return Option(std::visit(
      [&](auto* value) { return app_->add_option(names, *value, description); }, destination));
}

Option Command::AddFlag(const std::string& name, bool* destination,
                        const std::string& description) {
  return Option(app_->add_flag(name, *destination, description));
}

void Command::SetFooter(const std::string& text) { app_->footer(text); }

void Command::SetBody(CommandBody body) {
  app_->callback([app = app_, selected = selected_, body = std::move(body)] {
    if (app->get_subcommands().empty()) {
      *selected = body;
    } else {
      RefuseOwnOptions(*app);
    }
  });
}

CommandLine::CommandLine(const ProgramText& text)
    : app_(std::make_unique<CLI::App>(text.description, text.name)) {
  app_->footer(text.footer);
  app_->set_version_flag("--version", text.version);
}

CommandLine::~CommandLine() = default;

Command CommandLine::program() { return Command(app_.get(), &selected_); }

std::variant<CommandBody, int> CommandLine::Parse(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app_->exit(error);
    std::fprintf(stderr, "glimmer: %s; --help shows what is expected\n", error.what());
    return base::ExitCode(base::ErrorKind::kInvalid);
  }
  return selected_;
}

}  // namespace glimmer::apps
