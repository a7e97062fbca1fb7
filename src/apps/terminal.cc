#include "apps/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "base/text.h"

namespace glimmer::apps {
namespace {

using Clock = std::chrono::steady_clock;

bool Coloured() {
  static const bool coloured = [] {
    const char* no_color = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) != 0 && (no_color == nullptr || *no_color == '\0') &&
           (term == nullptr || std::string_view(term) != "dumb");
  }();
  return coloured;
}

std::string Styled(const char* code, const std::string& text) {
  return Coloured() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

// Columns that the text takes: bytes that start a character, without escape sequences.
size_t Width(const std::string& text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      i = text.find('m', i);
    } else {
      width += (text[i] & 0xC0) != 0x80;
    }
  }
  return width;
}

}  // namespace

Table::Table(std::vector<std::string> headings, std::vector<Align> alignment)
    : alignment_(std::move(alignment)) {
  for (std::string& heading : headings) heading = Dim(heading);
  rows_.push_back(std::move(headings));
}

void Table::AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

void Table::AddRule() { rows_.emplace_back(); }

std::string Table::Text() const {
  std::vector<size_t> widths(alignment_.size());
  for (const auto& row : rows_) {
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], Width(row[c]));
  }
  size_t total = 0;
  for (const size_t width : widths) total += width + 2;
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - Width(row[c]), ' ');
      line += "  " + (alignment_[c] == Align::kRight ? padding + row[c] : row[c] + padding);
    }
    if (row.empty()) line = "  " + Dim(std::string(total - 2, '-'));
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string Bold(const std::string& text) { return Styled("1", text); }
std::string Dim(const std::string& text) { return Styled("2", text); }
const char* DimBegin() { return Coloured() ? "\x1b[2m" : ""; }
const char* DimEnd() { return Coloured() ? "\x1b[0m" : ""; }
std::string Green(const std::string& text) { return Styled("32", text); }
std::string Red(const std::string& text) { return Styled("31", text); }

void Print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

ProgressLine::ProgressLine(std::string what, const std::atomic<uint64_t>& done, uint64_t total,
                           Unit unit, const std::atomic<uint64_t>* kept)
    : what_(std::move(what)),
      done_(done),
      total_(total),
      unit_(unit),
      kept_(kept),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

ProgressLine::~ProgressLine() = default;

void ProgressLine::Run(const std::stop_token& stop) const {
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  const auto pause = terminal ? std::chrono::milliseconds(200) : std::chrono::milliseconds(10'000);
  const Clock::time_point start = Clock::now();
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!wake.wait_for(lock, stop, pause, [] { return false; }) && !stop.stop_requested()) {
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    std::fprintf(stderr, terminal ? "\r\x1b[K%s" : "%s\n", Line(seconds).c_str());
    std::fflush(stderr);
  }
  if (terminal) std::fputs("\r\x1b[K", stderr);
}

std::string ProgressLine::Line(double seconds) const {
  constexpr int kBarCells = 24;
  const auto total = static_cast<double>(total_), done = static_cast<double>(done_.load());
  const double share = total_ == 0 ? 1 : std::min(1.0, done / total);
  const double done_now = done - (kept_ == nullptr ? 0 : static_cast<double>(kept_->load()));
  const int full = static_cast<int>(share * kBarCells);
  const std::string left =
      done_now > 0 ? base::HumanSeconds(seconds * std::max(0.0, total - done) / done_now) + " left"
                   : "";
  if (unit_ == Unit::kShare) {
    return fmt::format("{} [{}{}] {:3.0f} %  {}", what_, std::string(full, '#'),
                       std::string(kBarCells - full, '.'), 100 * share, left);
  }
  const auto amount = [&](uint64_t value) {
    return unit_ == Unit::kBytes ? base::HumanBytes(value) : base::WithCommas(value);
  };
  const char* unit = unit_ == Unit::kTokens     ? " tokens"
                     : unit_ == Unit::kProblems ? " problems"
                                                : "";
  return fmt::format(
      "{} [{}{}] {:3.0f} %  {} of {}{}  {}/s  {}", what_, std::string(full, '#'),
      std::string(kBarCells - full, '.'), 100 * share, amount(done_.load()), amount(total_), unit,
      amount(static_cast<uint64_t>(std::max(0.0, done_now) / std::max(seconds, 1e-3))), left);
}

}  // namespace glimmer::apps
