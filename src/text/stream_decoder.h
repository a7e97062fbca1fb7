// Decodes tokens one by one as they are generated, never giving out half a character: a token may
// end in the middle of one. All that Push and Finish return, put together, is what
// Tokenizer::Decode returns for the same ids.
// Threads: one thread; the tokenizer must outlive the decoder.
#pragma once

#include <string>

#include "base/result.h"
#include "text/tokenizer.h"

namespace glimmer::text {

class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, const DecodeOptions& options = {})
      : tokenizer_(&tokenizer), options_(options) {}

  // The text that has become certain with this token, often empty; valid UTF-8.
  // Errors: kInvalid for an id that no token has; the decoder stays as it was.
  base::Result<std::string> Push(TokenId id);
  // What is left at the end: nothing, or U+FFFD for a character that was never completed. The
  // decoder is as new afterwards.
  std::string Finish();
  // True while bytes are held back.
  bool HoldsBack() const { return !pending_.empty(); }

 private:
  const Tokenizer* tokenizer_;
  DecodeOptions options_;
  std::string pending_;  // the begin of one character, at most 3 bytes
};

}  // namespace glimmer::text
