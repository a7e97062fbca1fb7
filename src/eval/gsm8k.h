// GSM8K: grade-school word problems whose answer is one number, and the scoring of a model's text.
//
// The number of a text, the first of these that the text has:
//   1. the first number behind the last `####`, the data set's own mark;
//   2. the first number inside the last `\boxed{...}`;
//   3. the last number.
// A number is: an optional minus (not behind a letter, digit or closing bracket, where it
// subtracts) and an optional `$` or `\$`, in either order; digits, in which a comma may separate
// groups of three; an optional fraction, which may also stand alone. Commas, `$`, a following `%`
// or full stop, leading zeros and the zeros at a fraction's end do not count: `-$1,234.50` is
// "-1234.5". Answers are right when the numbers are equal.
//
// Source: docs/evaluation.md#gsm8k; Cobbe et al., "Training Verifiers to Solve Math Word Problems".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace glimmer::eval {

constexpr uint64_t kMaxGsm8kFileBytes = 64 << 20;

struct Gsm8kProblem {
  std::string question;
  std::string answer;  // the worked solution, which few-shot prompts show
  std::string number;  // its final number, as FinalNumber() writes it
};

// One JSON object {"question", "answer"} a line; empty lines are skipped, other members ignored.
// Errors: kNotFound, kIo, kExhausted; kCorrupt for a line that is no JSON object, kInvalid for a
// missing member or an answer without a number behind `####`; all name file and line.
base::Result<std::vector<Gsm8kProblem>> ReadGsm8k(const std::string& path);

// Minus, digits without leading zeros, and a fraction without zeros at its end; nothing for a text
// without a number.
std::optional<std::string> FinalNumber(std::string_view text);

bool IsRight(const Gsm8kProblem& problem, std::string_view model_text);

}  // namespace glimmer::eval
