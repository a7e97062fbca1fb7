#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <new>
#include <system_error>

#include "apps/command.h"
#include "apps/memory_exhausted.h"
#include "apps/terminal.h"
#include "base/free_memory.h"
#include "kernels/isa.h"
#include "quant/journal.h"
#include "quant/version.h"

namespace glimmer::apps {
namespace {

int g_exit_code = 0;

constexpr char kDescription[] =
    "glimmer: NVFP4 checkpoints of GLM-5.1-class models, made, proved and run on CPU servers";
constexpr char kFooter[] =
    "Exit codes: 0 done, 1 internal error, 2 wrong request, 3 not found, 4 corrupt input,\n"
    "5 input or output failed, 6 unsupported, 7 disk or memory exhausted, 8 interrupted, 9 defects "
    "found.\n"
    "`glimmer COMMAND --help` shows a command's options and an example.";

int Fail(const base::Error& error) {
  std::fprintf(stderr, "glimmer: %s\n", error.message.c_str());
  return base::ExitCode(error.kind);
}

int FailInside(const std::exception& error) {
  std::fprintf(stderr, "glimmer: internal error: %s\n", error.what());
  return 1;
}

// What was printed may still wait to be written.
base::Status FinishOutput() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return base::IoError("standard output: cannot write");
}

// Exceptions end here: running out of memory, or a defect of the program.
int RunGuarded(const CommandBody& body) {
  try {
    base::Status status = body();
    if (status.ok()) status = FinishOutput();
    return status.ok() ? g_exit_code : Fail(status.error());
  } catch (const std::bad_alloc&) {
    return Fail(base::Exhausted(base::OutOfMemory(WantedBytes()).data()));
  } catch (const std::system_error& error) {
    // A thread could not be started: its stack is memory too.
    if (error.code() != std::errc::resource_unavailable_try_again) return FailInside(error);
    return Fail(base::Exhausted(std::string(base::OutOfMemory(0).data()) +
                                ": a thread and its stack could not be had"));
  } catch (const std::exception& error) {
    return FailInside(error);
  }
}

// A mapped checkpoint was cut short or its disk failed: the access itself fails, so there is nobody
// to return an error to.
void OnUnreadableWeights(int) {
  constexpr char kSentence[] =
      "glimmer: a weight file became shorter while it was read, or its disk failed\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kSentence, sizeof kSentence - 1);
  ::_exit(base::ExitCode(base::ErrorKind::kIo));
}

int Main(int argc, char** argv) {
  HandleExhaustedMemory();
  // A write beyond a file size limit is an error like a full disk, not a signal.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGBUS, OnUnreadableWeights);
  CatchInterrupts(WaitingReads::kGoOn);

  CommandLine line({.name = "glimmer",
                    .version = fmt::format("glimmer {}", quant::kVersion),
                    .description = kDescription,
                    .footer = kFooter});
  const Command program = line.program();
  AddPlan(program);
  AddQuantize(program);
  AddCheck(program);
  AddConvert(program);
  AddInspect(program);
  AddRun(program);
  AddEval(program);
  AddSynth(program);
  AddTokenize(program);
  AddBench(program);
  const std::variant<CommandBody, int> parsed = line.Parse(argc, argv);
  if (const int* exit_code = std::get_if<int>(&parsed)) return *exit_code;
  if (const base::Status status = kernels::CheckIsaRequest(); !status.ok()) {
    return Fail(status.error());
  }
  return RunGuarded(std::get<CommandBody>(parsed));
}

}  // namespace

void CatchInterrupts(WaitingReads reads) {
  struct sigaction action = {};
  if (reads == WaitingReads::kGoOn) action.sa_flags = SA_RESTART;
  action.sa_handler = [](int) { Interrupted().Set(); };
  ::sigaction(SIGINT, &action, nullptr);
  action.sa_handler = [](int) {
    Terminated().Set();
    Interrupted().Set();
  };
  ::sigaction(SIGTERM, &action, nullptr);
}

base::CancelFlag& Terminated() {
  static base::CancelFlag flag;
  return flag;
}

base::CancelFlag& Interrupted() {
  static base::CancelFlag flag;
  return flag;
}

base::Error WithWayToGoOn(base::Error error, const std::string& out) {
  // What is corrupt stays so, and a source that was repaired is another one.
  const bool helps =
      error.kind != base::ErrorKind::kInvalid && error.kind != base::ErrorKind::kCorrupt;
  if (helps && quant::Journal::Exists(out)) {
    error.message += "; --resume goes on from here";
  }
  return error;
}

void SetExitCode(int code) { g_exit_code = code; }

}  // namespace glimmer::apps

int main(int argc, char** argv) { return glimmer::apps::Main(argc, argv); }
