// One answer: prompt in, tokens drawn one by one until something ends them, text out as it becomes
// certain.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/parallel.h"
#include "base/result.h"
#include "engine/sampler.h"
#include "engine/session.h"
#include "text/tokenizer.h"

namespace glimmer::engine {

struct AnswerOptions {
  SamplingOptions sampling{};
  size_t max_new_tokens = SIZE_MAX;  // the context's end is a limit too
  size_t max_length = SIZE_MAX;      // of prompt and answer together
  std::vector<text::TokenId> eos_token_id{};
  std::vector<std::string> stop_strings{};
};

enum class AnswerEnd {
  kEosToken,
  kStopString,
  kMaxNewTokens,
  kContextFull,
  kInterrupted,
};
// "end token", "stop string", "token limit", "context full", "interrupted".
std::string_view AnswerEndName(AnswerEnd end);

struct Answer {
  std::string text;                // without special tokens and stop string
  std::vector<text::TokenId> ids;  // without the end token
  AnswerEnd end = AnswerEnd::kEosToken;
  size_t prompt_tokens = 0;
  size_t prompt_tokens_computed = 0;  // the others were still in the cache
  size_t decoded_tokens = 0;          // the end token included
  double prompt_seconds = 0;
  double decode_seconds = 0;  // of all tokens but the first, which the prompt's pass gives

  double prompt_tokens_per_second() const;
  double decode_tokens_per_second() const;  // 0 for fewer than two tokens
};

// `on_text` is called with pieces of whole characters. An interruption ends the answer; it is no
// error. Errors: those of Session::Read (kCancelled too) and Sampler::Next.
base::Result<Answer> MakeAnswer(Session& session, const text::Tokenizer& tokenizer,
                                const std::vector<text::TokenId>& prompt,
                                const AnswerOptions& options,
                                const std::function<void(std::string_view)>& on_text,
                                const base::CancelFlag& interrupt);

}  // namespace glimmer::engine
