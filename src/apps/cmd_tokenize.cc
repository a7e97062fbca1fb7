#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "apps/command.h"
#include "apps/terminal.h"
#include "apps/text_input.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "text/escaped.h"
#include "text/tokenizer.h"
#include "unicode/utf8.h"

namespace glimmer::apps {
namespace {

using base::Quoted;
using base::Result;
using base::Status;
using base::WithCommas;
using text::TokenId;
using text::Tokenizer;

constexpr char kTokenizerName[] = "tokenizer.json";

struct Options {
  std::string tokenizer;
  TextInput input;
  bool ids = false;
  bool count = false;
  bool json = false;
  bool decode = false;
  bool no_added_tokens = false;
  bool add_special_tokens = false;
  bool skip_special_tokens = false;
};

Result<Tokenizer> OpenTokenizer(const std::string& path) {
  return Tokenizer::Load(base::FolderExists(path) ? base::JoinPath(path, kTokenizerName) : path);
}

// What an id stands for. REQUIRES: a token of the tokenizer has it.
std::string_view BytesOf(const Tokenizer& tokenizer, TokenId id) {
  return *tokenizer.TokenBytes(id);
}

bool IsAdded(const Tokenizer& tokenizer, TokenId id) {
  return std::ranges::binary_search(tokenizer.added_tokens(), id, {}, &text::AddedToken::id);
}

std::string TokensTable(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  Table table({"id", "token", ""}, {Align::kRight, Align::kLeft, Align::kLeft});
  for (const TokenId id : ids) {
    const std::string kind = tokenizer.IsSpecial(id)  ? "special"
                             : IsAdded(tokenizer, id) ? "added"
                                                      : "";
    table.AddRow(
        {std::to_string(id), '"' + text::Escaped(BytesOf(tokenizer, id)) + '"', Dim(kind)});
  }
  return table.Text();
}

// `text` is null for a token that is not whole characters; `hex` always has its bytes.
base::JsonObject TokensJson(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  base::JsonArray tokens;
  for (const TokenId id : ids) {
    const std::string_view bytes = BytesOf(tokenizer, id);
    const bool is_text = unicode::ValidPrefixBytes(bytes) == bytes.size();
    std::string hex;
    for (const char c : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    tokens.push_back({{"id", id},
                      {"text", is_text ? base::JsonValue(bytes) : base::JsonValue()},
                      {"hex", hex},
                      {"added", IsAdded(tokenizer, id)},
                      {"special", tokenizer.IsSpecial(id)}});
  }
  return {{"count", ids.size()}, {"tokens", std::move(tokens)}};
}

Status RunEncode(const Options& options, const Tokenizer& tokenizer) {
  if (options.input.arguments.size() > 1) {
    return base::Invalid(
        fmt::format("{} arguments after the tokenizer; expected one text, in quotes",
                    options.input.arguments.size()));
  }
  GLIMMER_ASSIGN(const std::string text, ReadText(options.input, text::kMaxEncodeBytes));
  text::EncodeOptions encode{.add_special_tokens = options.add_special_tokens};
  if (options.no_added_tokens) encode.added_tokens = text::AddedTokens::kNone;
  GLIMMER_ASSIGN(const std::vector<TokenId> ids, tokenizer.Encode(text, encode));
  if (options.count) {
    Print(fmt::format("{}\n", ids.size()));
  } else if (options.ids) {
    Print(base::DumpJson(base::JsonArray(ids.begin(), ids.end()), 0) + "\n");
  } else if (options.json) {
    Print(base::DumpJson(TokensJson(tokenizer, ids), 2) + "\n");
  } else {
    if (!ids.empty()) Print(TokensTable(tokenizer, ids) + "\n");
    Print(
        fmt::format("{} tokens from {} bytes\n", WithCommas(ids.size()), WithCommas(text.size())));
  }
  return {};
}

base::Error NoId(const std::string& found, const Tokenizer& tokenizer) {
  return base::Invalid(fmt::format("{} is not a token id; expected whole numbers from 0 to {}",
                                   found, tokenizer.VocabSize() - 1));
}

Result<std::vector<TokenId>> IdsOfArray(const std::string& text, const Tokenizer& tokenizer) {
  GLIMMER_ASSIGN(const base::JsonValue json, base::ParseJson(text, "the array of token ids"));
  std::vector<TokenId> ids;
  for (const base::JsonValue& item : json.get_array()) {
    const int64_t* id = item.if_int64();
    if (id == nullptr || *id < 0 || static_cast<uint64_t>(*id) >= tokenizer.VocabSize()) {
      return NoId(base::Shown(item), tokenizer);
    }
    ids.push_back(static_cast<TokenId>(*id));
  }
  return ids;
}

// Ids as a JSON array, or with white space or commas between them.
Result<std::vector<TokenId>> IdsOf(const std::string& text, const Tokenizer& tokenizer) {
  constexpr char kBetween[] = " \t\r\n,";
  size_t at = text.find_first_not_of(kBetween);
  if (at != std::string::npos && text[at] == '[') return IdsOfArray(text, tokenizer);
  std::vector<TokenId> ids;
  while (at != std::string::npos) {
    const size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    TokenId id = -1;
    const auto read = std::from_chars(text.data() + at, text.data() + end, id);
    if (read.ec != std::errc() || read.ptr != text.data() + end || id < 0 ||
        static_cast<size_t>(id) >= tokenizer.VocabSize()) {
      return NoId(Quoted(text.substr(at, end - at)), tokenizer);
    }
    ids.push_back(id);
    at = text.find_first_not_of(kBetween, end);
  }
  return ids;
}

Status RunDecode(const Options& options, const Tokenizer& tokenizer) {
  GLIMMER_ASSIGN(const std::string listed, ReadText(options.input, text::kMaxEncodeBytes));
  GLIMMER_ASSIGN(const std::vector<TokenId> ids, IdsOf(listed, tokenizer));
  GLIMMER_ASSIGN(const std::string text,
                 tokenizer.Decode(ids, {.skip_special_tokens = options.skip_special_tokens}));
  Print(options.json ? base::DumpJson(base::JsonObject{{"text", text}}, 2) + "\n" : text);
  return {};
}

Status CheckOptions(const Options& options) {
  if (int{options.ids} + int{options.count} + int{options.json} > 1) {
    return base::Invalid("--ids, --count and --json: expected one of them");
  }
  if (options.decode &&
      (options.ids || options.count || options.no_added_tokens || options.add_special_tokens)) {
    return base::Invalid(
        "--decode: --ids, --count, --no-added-tokens and --add-special-tokens are for text, "
        "expected none of them");
  }
  if (options.skip_special_tokens && !options.decode) {
    return base::Invalid("--skip-special-tokens: expected --decode beside it");
  }
  return {};
}

Status RunTokenize(const Options& options) {
  GLIMMER_TRY(CheckOptions(options));
  GLIMMER_ASSIGN(const Tokenizer tokenizer, OpenTokenizer(options.tokenizer));
  return options.decode ? RunDecode(options, tokenizer) : RunEncode(options, tokenizer);
}

}  // namespace

void AddTokenize(Command program) {
  auto options = std::make_shared<Options>();
  Command command = program.AddCommand("tokenize", "Turn text into token ids, or ids into text");
  command
      .AddOption("TOKENIZER", &options->tokenizer, "Checkpoint folder, or a tokenizer.json alone")
      .Required();
  command.AddOption("TEXT", &options->input.arguments,
                    "Text, or with --decode ids; without it and --file, standard input");
  command.AddOption("--file", &options->input.file, "Read the text or the ids from this file");
  command.AddFlag("--ids", &options->ids, "Print only the ids, as a JSON array");
  command.AddFlag("--count", &options->count, "Print only the number of tokens");
  command.AddFlag("--json", &options->json, "Print JSON");
  command.AddFlag("--decode", &options->decode,
                  "Print the text of ids, nothing added; they may be a JSON array");
  command.AddFlag("--no-added-tokens", &options->no_added_tokens,
                  "Control tokens such as <|user|> in the text are ordinary text");
  command.AddFlag("--add-special-tokens", &options->add_special_tokens,
                  "Put around the text what the tokenizer.json asks for");
  command.AddFlag("--skip-special-tokens", &options->skip_special_tokens,
                  "With --decode: leave control tokens out");
  command.SetFooter(
      "Examples:\n"
      "  glimmer tokenize models/reference 'The capital of France is'\n"
      "  glimmer tokenize models/reference --file README.md --count\n"
      "  glimmer tokenize models/reference --decode 309 1257 2705");
  command.SetBody([options] { return RunTokenize(*options); });
}

}  // namespace glimmer::apps
