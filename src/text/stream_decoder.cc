#include "text/stream_decoder.h"

#include <fmt/format.h>

#include "unicode/utf8.h"

namespace glimmer::text {

using unicode::FrontOf;
using unicode::kReplacement;
using unicode::Repaired;
using unicode::Utf8Front;
using unicode::ValidPrefixBytes;

base::Result<std::string> StreamDecoder::Push(TokenId id) {
  const std::optional<std::string_view> bytes = tokenizer_->TokenBytes(id);
  if (!bytes) {
    return base::Invalid(
        fmt::format("token id {}: no token of the vocabulary has it (ids go up "
                    "to {})",
                    id, tokenizer_->VocabSize() - 1));
  }
  if (options_.skip_special_tokens && tokenizer_->IsSpecial(id)) return std::string();
  pending_ += *bytes;
  std::string out;
  std::string_view left = pending_;
  while (!left.empty()) {
    const size_t valid = ValidPrefixBytes(left);
    out += left.substr(0, valid);
    left.remove_prefix(valid);
    if (left.empty()) break;
    const Utf8Front front = FrontOf(left);
    if (front.kind == Utf8Front::Kind::kCutOff) break;
    out += kReplacement;
    left.remove_prefix(front.bytes);
  }
  pending_ = std::string(left);
  return out;
}

std::string StreamDecoder::Finish() {
  const std::string rest = Repaired(pending_);
  pending_.clear();
  return rest;
}

}  // namespace glimmer::text
