// Reads .tiktoken files: a line a token, its bytes in base64, a space, its rank. A pair of tokens
// merges when its bytes are a token, the lowest rank first; a word that is a token stays whole.
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "base/file.h"
#include "base/text.h"
#include "text/tokenizer_parts.h"

namespace glimmer::text {
namespace {

using base::Corrupt;
using base::Quoted;
using base::Result;
using base::Status;

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr size_t kMaxTokenBytes = 512;

// Appends the decoded bytes; false when the text is no base64.
bool DecodeBase64(std::string_view text, std::string& out) {
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.size() % 4 == 1) return false;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const size_t value = kBase64.find(c);
    if (value == std::string_view::npos) return false;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return true;
}

Status AddLine(std::string_view line, const std::string& where, Vocabulary& vocabulary) {
  const size_t space = line.find(' ');
  TokenId rank = -1;
  std::string bytes;
  if (space != std::string_view::npos) {
    const char* end = line.data() + line.size();
    const auto parsed = std::from_chars(line.data() + space + 1, end, rank);
    if (parsed.ec != std::errc() || parsed.ptr != end) rank = -1;
  }
  if (rank < 0 || rank > kMaxTokenId || !DecodeBase64(line.substr(0, space), bytes) ||
      bytes.empty() || bytes.size() > kMaxTokenBytes) {
    return Corrupt(
        fmt::format("{}: expected base64 of 1 to {} bytes, a space and a rank up to {}, "
                    "found {}",
                    where, kMaxTokenBytes, kMaxTokenId, Quoted(line)));
  }
  if (vocabulary.Add(bytes, rank) == Vocabulary::Added::kYes) return {};
  return base::Invalid(fmt::format("{}: the token {} or its rank {} stands there twice", where,
                                   Quoted(bytes), rank));
}

// Each way to make a token of two others is a rule with the token's rank.
MergeTable RulesOf(const Vocabulary& vocabulary) {
  MergeTable rules;
  rules.Reserve(vocabulary.Size() * 2);
  for (TokenId id = 0; id < static_cast<TokenId>(vocabulary.Size()); ++id) {
    if (!vocabulary.Has(id)) continue;
    const std::string_view bytes = vocabulary.Bytes(id);
    for (size_t cut = 1; cut < bytes.size(); ++cut) {
      const TokenId left = vocabulary.Find(bytes.substr(0, cut));
      if (left < 0) continue;
      const TokenId right = vocabulary.Find(bytes.substr(cut));
      if (right >= 0) rules.Add(left, right, MakeMerge(static_cast<uint32_t>(id), id));
    }
  }
  return rules;
}

}  // namespace

Result<Tokenizer> Tokenizer::FromTiktokenText(std::string_view ranks, const std::string& source,
                                              const std::string& pattern,
                                              std::vector<AddedToken> added_tokens) {
  GLIMMER_TRY(CheckFileSize(ranks, source));
  TokenizerParts parts;
  parts.vocabulary.Reserve(ranks.size() / 16, ranks.size());
  for (size_t line = 1; !ranks.empty(); ++line) {
    const size_t end = std::min(ranks.find('\n'), ranks.size());
    std::string_view text = ranks.substr(0, end);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (!text.empty()) {
      GLIMMER_TRY(AddLine(text, fmt::format("{}: line {}", source, line), parts.vocabulary));
    }
    ranks.remove_prefix(std::min(end + 1, ranks.size()));
  }
  parts.merges = RulesOf(parts.vocabulary);
  parts.whole_words = Bpe::WholeWords::kFirst;
  parts.pre_tokenizer.splits = {{.pattern = pattern}};
  parts.pre_tokenizer.dialect = RegexDialect::kRust;
  parts.added_tokens = std::move(added_tokens);
  return TokenizerBuilder::Build(std::move(parts), source);
}

Result<Tokenizer> Tokenizer::FromTiktoken(const std::string& path, const std::string& pattern,
                                          std::vector<AddedToken> added_tokens) {
  GLIMMER_ASSIGN(const std::string text, base::ReadTextFile(path, kMaxTokenizerFileBytes));
  return FromTiktokenText(text, Quoted(path), pattern, std::move(added_tokens));
}

}  // namespace glimmer::text
