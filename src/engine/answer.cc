#include "engine/answer.h"

#include <algorithm>
#include <chrono>

#include "engine/stop_strings.h"
#include "text/stream_decoder.h"

namespace glimmer::engine {
namespace {

using base::Result;
using text::TokenId;
using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double Rate(size_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

// Token ids to text that no stop string can take back.
class TextOut {
 public:
  TextOut(const text::Tokenizer& tokenizer, StopStrings stop, Answer& answer,
          const std::function<void(std::string_view)>& on_text)
      : decoder_(tokenizer, {.skip_special_tokens = true}),
        stop_(std::move(stop)),
        answer_(answer),
        on_text_(on_text) {}

  // Whether a stop string is complete.
  Result<bool> Push(TokenId id) {
    GLIMMER_ASSIGN(const std::string piece, decoder_.Push(id));
    Emit(stop_.Feed(piece));
    return stop_.matched().has_value();
  }
  void Finish() {
    if (stop_.matched()) return;
    Emit(stop_.Feed(decoder_.Finish()));
    if (!stop_.matched()) Emit(stop_.Finish());
  }

 private:
  void Emit(const std::string& text) {
    if (text.empty()) return;
    answer_.text += text;
    on_text_(text);
  }

  text::StreamDecoder decoder_;
  StopStrings stop_;
  Answer& answer_;
  const std::function<void(std::string_view)>& on_text_;
};

}  // namespace

std::string_view AnswerEndName(AnswerEnd end) {
  switch (end) {
    case AnswerEnd::kEosToken:
      return "end token";
    case AnswerEnd::kStopString:
      return "stop string";
    case AnswerEnd::kMaxNewTokens:
      return "token limit";
    case AnswerEnd::kContextFull:
      return "context full";
    case AnswerEnd::kInterrupted:
      return "interrupted";
  }
  return "";
}

double Answer::prompt_tokens_per_second() const {
  return Rate(prompt_tokens_computed, prompt_seconds);
}
double Answer::decode_tokens_per_second() const {
  return decoded_tokens > 1 ? Rate(decoded_tokens - 1, decode_seconds) : 0;
}

Result<Answer> MakeAnswer(Session& session, const text::Tokenizer& tokenizer,
                          const std::vector<TokenId>& prompt, const AnswerOptions& options,
                          const std::function<void(std::string_view)>& on_text,
                          const base::CancelFlag& interrupt) {
  Answer answer;
  GLIMMER_ASSIGN(StopStrings stop, StopStrings::Create(options.stop_strings));
  TextOut out(tokenizer, std::move(stop), answer, on_text);
  Sampler sampler(options.sampling, tokenizer.VocabSize());

  const auto start = Clock::now();
  GLIMMER_ASSIGN(tensor::OwnedMatrix logits, session.Read(prompt, interrupt));
  answer.prompt_tokens = prompt.size();
  answer.prompt_tokens_computed = session.computed_tokens();
  answer.prompt_seconds = SecondsSince(start);

  const auto decode_start = Clock::now();
  answer.end = AnswerEnd::kMaxNewTokens;
  const size_t room = options.max_length > prompt.size() ? options.max_length - prompt.size() : 0;
  const size_t most = std::min(options.max_new_tokens, room);
  while (answer.ids.size() < most) {
    GLIMMER_ASSIGN(const TokenId id, sampler.Next(logits.elements(), {prompt, answer.ids}));
    ++answer.decoded_tokens;
    answer.decode_seconds = SecondsSince(decode_start);
    const auto& eos = options.eos_token_id;
    if (std::find(eos.begin(), eos.end(), id) != eos.end()) {
      answer.end = AnswerEnd::kEosToken;
      break;
    }
    answer.ids.push_back(id);
    GLIMMER_ASSIGN(const bool stopped, out.Push(id));
    if (stopped || interrupt.IsSet() || session.room() == 0) {
      answer.end = stopped             ? AnswerEnd::kStopString
                   : interrupt.IsSet() ? AnswerEnd::kInterrupted
                                       : AnswerEnd::kContextFull;
      break;
    }
    if (answer.ids.size() == most) break;
    GLIMMER_ASSIGN(logits, session.Append(id));
  }
  out.Finish();
  return answer;
}

}  // namespace glimmer::engine
