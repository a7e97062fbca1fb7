#include "data/encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace glimmer::data {

using base::Result;
using text::TokenId;

namespace {

// The value of `loader`, asked once.
template <typename T>
base::Status LoadOnce(const std::function<Result<const T*>()>& loader, std::string_view what,
                      const T*& loaded) {
  if (loaded != nullptr) return {};
  if (!loader) return base::Invalid(fmt::format("needs a {}, found none", what));
  GLIMMER_ASSIGN(loaded, loader());
  return {};
}

}  // namespace

Result<Encoder::Encoded> Encoder::Encode(std::string_view text, bool add_special_tokens) {
  GLIMMER_TRY(LoadOnce(model_.tokenizer, "tokenizer", tokenizer_));
  auto ids = tokenizer_->Encode(text, {.add_special_tokens = add_special_tokens});
  if (!ids.ok()) return Encoded(Skip{SkipReason::kRefused, ids.error().message});
  const auto& made = ids.value();
  const auto largest = std::max_element(made.begin(), made.end());
  if (largest != made.end() && static_cast<uint64_t>(*largest) >= model_.vocab_size) {
    return base::Invalid(fmt::format("the tokenizer gives id {}, the model's vocabulary has {}",
                                     *largest, model_.vocab_size));
  }
  return Encoded(std::move(ids).value());
}

Result<Encoder::Encoded> Encoder::EncodeSample(std::string_view text) { return Encode(text, true); }

Result<Encoder::Encoded> Encoder::EncodePiece(std::string_view text) { return Encode(text, false); }

Result<Encoder::Encoded> Encoder::EncodeChat(const chat::ChatInput& input) {
  GLIMMER_TRY(LoadOnce(model_.chat_template, "chat template", chat_template_));
  const auto prompt = chat_template_->Render(input);
  if (!prompt.ok()) return Encoded(Skip{SkipReason::kRefused, prompt.error().message});
  return Encode(prompt.value(), true);
}

}  // namespace glimmer::data
