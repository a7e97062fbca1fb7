#include "apps/text_input.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "apps/command.h"
#include "base/file.h"

namespace glimmer::apps {
namespace {

// How long Ctrl-C may go unnoticed: signals do not end a read.
constexpr int kPollMs = 100;

base::Error Failure() {
  return base::IoError("standard input: cannot read: " + std::generic_category().message(errno));
}

base::Result<std::string> ReadStandardInput(uint64_t limit_bytes) {
  std::string text;
  std::array<char, 1 << 16> piece;
  while (true) {
    if (Interrupted().IsSet()) return base::Cancelled("stopped");
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const int ready = ::poll(&input, 1, kPollMs);
    if (ready < 0 && errno != EINTR) return Failure();
    if (ready <= 0) continue;
    const ssize_t got = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failure();
    if (got == 0) return text;
    text.append(piece.data(), static_cast<size_t>(got));
    if (text.size() > limit_bytes) {
      return base::Exhausted(fmt::format("standard input: expected at most {} bytes", limit_bytes));
    }
  }
}

}  // namespace

base::Result<std::string> ReadText(const TextInput& input, uint64_t limit_bytes) {
  if (!input.file.empty() && !input.arguments.empty()) {
    return base::Invalid("--file and a text on the command line: give one of them");
  }
  if (!input.file.empty()) return base::ReadTextFile(input.file, limit_bytes);
  if (!input.arguments.empty()) return fmt::format("{}", fmt::join(input.arguments, " "));
  return ReadStandardInput(limit_bytes);
}

}  // namespace glimmer::apps
