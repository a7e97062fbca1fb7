// Texts that end an answer when they appear in it, found while the text arrives in pieces. Text is
// given out as soon as it can no longer be the begin of a stop string; a stop string itself and
// what follows it are not given out. Where the pieces are cut makes no difference.
//
// The stop string that is complete first wins; of several that end at the same byte, the longest.
// Cost: each byte advances one Knuth-Morris-Pratt automaton for each stop string.
// Threads: one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace glimmer::engine {

class StopStrings {
 public:
  // Errors: kInvalid for an empty stop string, which would end every answer before it begins.
  static base::Result<StopStrings> Create(const std::vector<std::string>& texts);

  // The text that has become certain with this piece. Whole characters when the pieces, put
  // together, and the stop strings are valid UTF-8 and each piece ends with a character, as
  // text::StreamDecoder's do.
  // REQUIRES: matched() is empty; no Finish() came before.
  std::string Feed(std::string_view piece);
  // What is left when the answer ends without a stop string.
  std::string Finish();
  // The stop string that ended the answer.
  std::optional<std::string_view> matched() const;

 private:
  // A stop string and how much of its begin the text ends with.
  struct Automaton {
    std::string text;
    std::vector<size_t> borders;  // [i] longest proper border of the first i + 1 bytes
    size_t length = 0;

    void Advance(char byte);
    bool IsComplete() const { return length == text.size(); }
  };

  explicit StopStrings(std::vector<Automaton> automata) : automata_(std::move(automata)) {}

  std::vector<Automaton> automata_;
  std::string held_;             // the end of the text, which a stop string may begin with
  std::optional<size_t> match_;  // of automata_
};

}  // namespace glimmer::engine
