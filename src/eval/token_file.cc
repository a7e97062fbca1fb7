#include "eval/token_file.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace glimmer::eval {

using base::JsonArray;
using base::JsonValue;
using base::Result;
using text::TokenId;

Result<std::vector<TokenId>> ReadTokenFile(const std::string& path, uint64_t vocab_size) {
  GLIMMER_CHECK(vocab_size > 0 && vocab_size <= uint64_t{text::kMaxTokenId} + 1);
  GLIMMER_ASSIGN(const std::string text, base::ReadTextFile(path, kMaxTokenFileBytes));
  const std::string source = base::Quoted(path);
  GLIMMER_ASSIGN(const JsonValue value, base::ParseJson(text, source));
  if (!value.is_array()) {
    return base::Corrupt(source + ": expected a JSON array of token ids, found " +
                         base::Shown(value));
  }
  const JsonArray& items = value.get_array();
  if (items.size() < 2) {
    return base::Invalid(
        fmt::format("{}: expected at least 2 token ids, found {}", source, items.size()));
  }
  std::vector<TokenId> ids;
  ids.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    const bool is_id = items[i].is_int64() && items[i].get_int64() >= 0 &&
                       static_cast<uint64_t>(items[i].get_int64()) < vocab_size;
    if (!is_id) {
      return base::Invalid(fmt::format("{}: expected token ids from 0 to {}, found {} at index {}",
                                       source, vocab_size - 1, base::Shown(items[i]), i));
    }
    ids.push_back(static_cast<TokenId>(items[i].get_int64()));
  }
  return ids;
}

}  // namespace glimmer::eval
