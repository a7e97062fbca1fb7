#include "data/row.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "data/turns.h"

namespace glimmer::data {
namespace {

using base::JsonArray;
using base::JsonObject;
using base::JsonValue;
using base::Result;
using text::TokenId;

// A field whose text, with those of the others that are there, makes the sample.
struct TextField {
  std::string_view name;
  std::array<std::string_view, 3> more;  // "" for none
};
constexpr std::array<TextField, 4> kTextFields = {{{"prompt", {"completion", "response", "output"}},
                                                   {"text", {}},
                                                   {"input", {"output"}},
                                                   {"article", {}}}};

// What ParseJson puts before the column in a text of one line and no name.
constexpr std::string_view kLinePlace = ": line 1, ";

Skip WrongType(std::string_view field, std::string_view expected, const JsonValue& found) {
  return {SkipReason::kWrongType,
          fmt::format("{}: expected {}, found {}", field, expected, base::Shown(found))};
}

// The row's object, or why it has none.
std::variant<JsonObject, Skip> ParseObject(std::string_view line) {
  if (auto problem = EncodingProblem(line)) return *std::move(problem);
  auto value = base::ParseJson(line, "");
  if (!value.ok()) {
    std::string_view problem = value.error().message;
    if (problem.starts_with(kLinePlace)) problem.remove_prefix(kLinePlace.size());
    return Skip{SkipReason::kNotJson, std::string(problem)};
  }
  if (JsonObject* object = value.value().if_object()) return std::move(*object);
  return Skip{SkipReason::kNotObject,
              "expected a JSON object, found " + base::Shown(value.value())};
}

bool IsWholeNumberBelow(const JsonValue& number, uint64_t limit) {
  return number.is_int64() && number.get_int64() >= 0 &&
         static_cast<uint64_t>(number.get_int64()) < limit;
}

Result<Row> ReadTokens(const JsonValue& value, uint64_t vocab_size) {
  constexpr std::string_view kExpected = "an array of token ids";
  const JsonArray* items = value.if_array();
  if (items == nullptr) return Row(WrongType("tokens", kExpected, value));
  std::vector<TokenId> ids;
  ids.reserve(items->size());
  for (const JsonValue& item : *items) {
    if (!item.is_number()) return Row(WrongType("tokens", kExpected, item));
    if (!IsWholeNumberBelow(item, vocab_size)) {
      return base::Invalid(fmt::format("tokens: expected ids from 0 to {}, found {} at index {}",
                                       vocab_size - 1, base::Shown(item), ids.size()));
    }
    ids.push_back(static_cast<TokenId>(item.get_int64()));
  }
  return Row(std::move(ids));
}

Row ReadText(const JsonObject& object, const TextField& field) {
  std::string text;
  const auto append = [&](std::string_view name) -> std::optional<Skip> {
    const JsonValue* part = PresentOrNull(object, name);
    if (part == nullptr) return std::nullopt;
    if (!part->is_string()) return WrongType(name, "a text", *part);
    if (name != field.name) text += '\n';
    text += std::string_view(part->get_string());
    return std::nullopt;
  };
  if (auto problem = append(field.name)) return *std::move(problem);
  for (const std::string_view name : field.more) {
    if (auto problem = append(name)) return *std::move(problem);
  }
  return text;
}

Row ReadConversation(const JsonObject& object, std::string_view field, Turns turns) {
  auto messages = ReadTurns(*PresentOrNull(object, field), std::string(field));
  if (!messages.ok()) return Skip{SkipReason::kWrongType, messages.error().message};
  if (turns == Turns::kJoined) {
    auto text = JoinedContents(messages.value(), std::string(field));
    if (!text.ok()) return Skip{SkipReason::kWrongType, text.error().message};
    return std::move(text).value();
  }
  auto tools = ReadTools(object);
  if (!tools.ok()) return Skip{SkipReason::kWrongType, tools.error().message};
  chat::ChatInput input;
  input.messages = std::move(messages).value();
  input.tools = std::move(tools).value();
  input.add_generation_prompt = false;
  return input;
}

}  // namespace

Result<Row> ParseRow(std::string_view line, const RowOptions& options) {
  auto parsed = ParseObject(line);
  if (auto* problem = std::get_if<Skip>(&parsed)) return Row(std::move(*problem));
  const JsonObject& object = std::get<JsonObject>(parsed);
  if (const JsonValue* tokens = PresentOrNull(object, "tokens")) {
    return ReadTokens(*tokens, options.vocab_size);
  }
  for (const std::string_view field : {"messages", "conversations"}) {
    if (PresentOrNull(object, field)) return ReadConversation(object, field, options.turns);
  }
  for (const TextField& field : kTextFields) {
    if (PresentOrNull(object, field.name)) return ReadText(object, field);
  }
  return Row(Skip{SkipReason::kNoField, fmt::format("it has none of {}", kRowFields)});
}

}  // namespace glimmer::data
