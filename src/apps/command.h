// The commands: each declares its options and names the function that carries it out. Each
// cmd_*.cc defines one and main.cc lists them.
#pragma once

#include <string>

#include "apps/options.h"
#include "base/parallel.h"
#include "base/result.h"

namespace glimmer::apps {

void AddPlan(Command program);
void AddQuantize(Command program);
void AddCheck(Command program);
void AddConvert(Command program);
void AddInspect(Command program);
void AddSynth(Command program);
void AddTokenize(Command program);
void AddBench(Command program);
void AddBenchPack(Command bench);
void AddBenchCalibrate(Command bench);
void AddRun(Command program);
void AddEval(Command program);

// The error, told that `out` can be finished with --resume if an unfinished conversion is there.
base::Error WithWayToGoOn(base::Error error, const std::string& out);

// Set by Ctrl-C.
base::CancelFlag& Interrupted();
// Set by SIGTERM, with Interrupted(): also a program that outlives Ctrl-C ends.
base::CancelFlag& Terminated();
// Lets the two signals set these flags. A system call that waits for input goes on, or ends.
enum class WaitingReads { kGoOn, kEnd };
void CatchInterrupts(WaitingReads reads);

// Not an error of the run but its result: `check` found defects (exit code 9).
inline constexpr int kExitDefects = 9;
void SetExitCode(int code);

}  // namespace glimmer::apps
