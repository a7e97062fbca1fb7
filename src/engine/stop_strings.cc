#include "engine/stop_strings.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace glimmer::engine {
namespace {

std::vector<size_t> BordersOf(std::string_view text) {
  std::vector<size_t> borders(text.size(), 0);
  size_t length = 0;
  for (size_t i = 1; i < text.size(); ++i) {
    while (length > 0 && text[i] != text[length]) length = borders[length - 1];
    if (text[i] == text[length]) ++length;
    borders[i] = length;
  }
  return borders;
}

}  // namespace

base::Result<StopStrings> StopStrings::Create(const std::vector<std::string>& texts) {
  std::vector<Automaton> automata;
  for (const std::string& text : texts) {
    if (text.empty()) return base::Invalid("a stop string is empty, expected at least one byte");
    automata.push_back({text, BordersOf(text)});
  }
  return StopStrings(std::move(automata));
}

void StopStrings::Automaton::Advance(char byte) {
  while (length > 0 && text[length] != byte) length = borders[length - 1];
  if (text[length] == byte) ++length;
}

std::string StopStrings::Feed(std::string_view piece) {
  GLIMMER_CHECK(!match_);
  for (const char byte : piece) {
    held_ += byte;
    for (size_t i = 0; i < automata_.size(); ++i) {
      automata_[i].Advance(byte);
      if (!automata_[i].IsComplete()) continue;
      if (!match_ || automata_[i].text.size() > automata_[*match_].text.size()) match_ = i;
    }
    if (match_) break;
  }
  size_t uncertain = match_ ? automata_[*match_].text.size() : 0;
  if (!match_) {
    for (const Automaton& a : automata_) uncertain = std::max(uncertain, a.length);
  }
  std::string certain = held_.substr(0, held_.size() - uncertain);
  held_.erase(0, certain.size());
  return certain;
}

std::string StopStrings::Finish() { return match_ ? std::string() : std::exchange(held_, {}); }

std::optional<std::string_view> StopStrings::matched() const {
  if (!match_) return std::nullopt;
  return automata_[*match_].text;
}

}  // namespace glimmer::engine
