// Texts and conversations to token ids, with a tokenizer and a chat template that are loaded when
// the first text needs them: files of ids need neither. Private to data/. Threads: one thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "chat/template.h"
#include "data/model_text.h"
#include "data/skip.h"
#include "text/tokenizer.h"

namespace glimmer::data {

class Encoder {
 public:
  explicit Encoder(const ModelText& model) : model_(model) {}

  uint64_t vocab_size() const { return model_.vocab_size; }

  using Encoded = std::variant<std::vector<text::TokenId>, Skip>;
  // As Hugging Face's tokenizer(text): with the tokens that the post-processor puts around it.
  // Errors: those of the loader; kInvalid without one, and for an id beyond the vocabulary: the
  // tokenizer is another model's.
  base::Result<Encoded> EncodeSample(std::string_view text);
  // Without them: a piece of a longer text.
  base::Result<Encoded> EncodePiece(std::string_view text);
  // What the chat template makes of the messages, encoded as a sample.
  base::Result<Encoded> EncodeChat(const chat::ChatInput& input);

 private:
  base::Result<Encoded> Encode(std::string_view text, bool add_special_tokens);

  const ModelText& model_;
  const text::Tokenizer* tokenizer_ = nullptr;
  const chat::ChatTemplate* chat_template_ = nullptr;
};

}  // namespace glimmer::data
