// Fuzzes the tokenizer's two inputs at once: everything up to the last line that is `TEXT` is a
// tokenizer.json, the rest a text. A file that loads must encode any text or say why not, and
// decode what it encoded, streamed or at once.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "text/stream_decoder.h"
#include "text/tokenizer.h"

namespace {

using glimmer::text::AddedTokens;
using glimmer::text::Tokenizer;

constexpr std::string_view kSeparator = "\nTEXT\n";
constexpr size_t kMaxTextBytes = 4096;

void Require(bool condition) {
  if (!condition) std::abort();
}

void RoundTrip(const Tokenizer& tokenizer, std::string_view text, AddedTokens added) {
  const auto ids = tokenizer.Encode(text, {.added_tokens = added, .add_special_tokens = true});
  if (!ids.ok()) return;  // a hostile expression may exceed its limits
  const auto decoded = tokenizer.Decode(ids.value());
  Require(decoded.ok());
  glimmer::text::StreamDecoder decoder(tokenizer);
  std::string streamed;
  for (const auto id : ids.value()) streamed += decoder.Push(id).value();
  Require(streamed + decoder.Finish() == decoded.value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t cut = input.rfind(kSeparator);
  const std::string_view json = input.substr(0, cut);
  std::string_view text = "a 'S 12\xc5\xbf \xe4\xb8\xad\xff\n <s>";
  if (cut != std::string_view::npos) text = input.substr(cut + kSeparator.size(), kMaxTextBytes);
  const auto tokenizer = Tokenizer::FromJson(json, "fuzz");
  if (!tokenizer.ok()) {
    Require(!tokenizer.error().message.empty());
    return 0;
  }
  for (const AddedTokens added :
       {AddedTokens::kAll, AddedTokens::kNotSpecial, AddedTokens::kNone}) {
    RoundTrip(tokenizer.value(), text, added);
  }
  return 0;
}
