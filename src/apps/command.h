// A subcommand: declares its options on the command line and names the function that carries it
// out. Each cmd_*.cc defines one and main.cc lists them.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "base/parallel.h"
#include "base/result.h"

namespace glimmer::apps {

using CommandBody = std::function<base::Status()>;

// The function of the subcommand that was given; filled while the command line is parsed.
struct Selected {
  CommandBody body;
};

void AddPlan(CLI::App& app, Selected& selected);
void AddQuantize(CLI::App& app, Selected& selected);
void AddCheck(CLI::App& app, Selected& selected);
void AddInspect(CLI::App& app, Selected& selected);
void AddSynth(CLI::App& app, Selected& selected);
void AddTokenize(CLI::App& app, Selected& selected);
void AddBench(CLI::App& app, Selected& selected);
void AddRun(CLI::App& app, Selected& selected);
void AddEval(CLI::App& app, Selected& selected);

// The error, told that `out` can be finished with --resume if an unfinished conversion is there.
base::Error WithWayToGoOn(base::Error error, const std::string& out);

// Set by Ctrl-C.
base::CancelFlag& Interrupted();

// Not an error of the run but its result: `check` found defects (exit code 9).
inline constexpr int kExitDefects = 9;
void SetExitCode(int code);

}  // namespace glimmer::apps
