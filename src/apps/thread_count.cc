#include "apps/thread_count.h"

#include <cstdio>

#include "base/processors.h"

namespace glimmer::apps {
namespace {

void WarnOnce(size_t asked, size_t usable) {
  static bool warned = false;
  if (warned) return;
  warned = true;
  std::fprintf(stderr,
               "glimmer: warning: --threads %zu, but this process may use %zu processor%s: threads "
               "will wait for each other\n",
               asked, usable, usable == 1 ? "" : "s");
}

}  // namespace

void AddThreadsOption(Command command, uint64_t* threads) {
  command
      .AddOption("--threads", threads,
                 "Threads; by default one for each physical core that the process may use")
      .Range(1, 1024);
}

size_t ThreadCount(uint64_t asked) {
  if (asked == 0) return base::UsableCores();
  const size_t usable = base::UsableProcessors();
  if (asked > usable) WarnOnce(asked, usable);
  return asked;
}

}  // namespace glimmer::apps
