// The command line: commands, the options that they declare, and what runs once one was given. The
// only door to CLI11, whose headers take longer to compile than the commands themselves.
//
//   Command command = program.AddCommand("plan", "Say what quantizing a model will do");
//   command.AddOption("MODEL_DIR", &options->model, "Model folder").Required();
//   command.AddOption("--recipe", &options->recipe, "Recipe").ShowDefault();
//   command.SetBody([options] { return RunPlan(*options); });
//
// Command and Option are handles to what their CommandLine owns: copy them freely, use them while
// it lives. Destinations are written while the line is parsed and must live until then; an option
// that is not given leaves its destination alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace glimmer::apps {

// What an option writes. A vector takes several values, all others one; an optional tells an
// option that was not given from one that was.
using Destination =
    std::variant<std::string*, uint64_t*, std::optional<double>*, std::optional<int64_t>*,
                 std::optional<uint64_t>*, std::vector<std::string>*>;

class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option& Required();
  // The help shows what the destination holds now.
  Option& ShowDefault();
  // One value each time it is given, instead of all words up to the next option.
  Option& OneValueEach();
  // Exactly one of the words.
  Option& OneOf(const std::vector<std::string>& words);
  // Both ends are allowed. The help names the type of the bounds.
  Option& Range(int low, int high);
  Option& Range(size_t low, size_t high);
  Option& Range(double low, double high);

  // As errors call it: "--max-new-tokens".
  std::string Name() const;
  // Of the line that was parsed.
  bool Given() const;

 private:
  CLI::Option* option_;
};

// Errors: kInvalid if one of them was given: "--mtp: has no meaning with --task".
base::Status CheckNotGiven(const std::vector<Option>& options, const std::string& because);

using CommandBody = std::function<base::Status()>;

class Command {
 public:
  Command(CLI::App* app, CommandBody* selected) : app_(app), selected_(selected) {}

  // A command of this one, which then needs one of its commands to be given.
  Command AddCommand(const std::string& name, const std::string& description);
  // It may also be given without one of the commands added so far; its own body then runs.
  void MakeCommandsOptional();

  // Names: "--long" or "-s,--long"; a name without dashes is positional, in order of declaration.
  Option AddOption(const std::string& names, Destination destination,
                   const std::string& description);
  // An option without a value.
  Option AddFlag(const std::string& name, bool* destination, const std::string& description);
  // Text behind the options in the help.
  void SetFooter(const std::string& text);
  // What runs when this command is given.
  void SetBody(CommandBody body);

 private:
  CLI::App* app_;
  CommandBody* selected_;  // the CommandLine's
};

struct ProgramText {
  std::string name;
  std::string version;  // what --version prints
  std::string description;
  std::string footer;
};

class CommandLine {
 public:
  explicit CommandLine(const ProgramText& text);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // The program itself, to add commands to.
  Command program();

  // The body of the command that was given; or, when help was shown or the line is wrong and the
  // reason printed, the exit code to leave with. Called once.
  std::variant<CommandBody, int> Parse(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
  CommandBody selected_;
};

}  // namespace glimmer::apps
