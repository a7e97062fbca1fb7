#include "text/tokenizer_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "text/added_tokens.h"

namespace glimmer::text {
namespace {

using base::Invalid;
using base::JsonArray;
using base::JsonFields;
using base::JsonObject;
using base::JsonValue;
using base::Quoted;
using base::Result;
using base::Shown;
using base::Status;
using base::Unsupported;

constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kBehaviors = {{
    {"Removed", SplitBehavior::kRemoved},
    {"Isolated", SplitBehavior::kIsolated},
    {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
    {"MergedWithNext", SplitBehavior::kMergedWithNext},
    {"Contiguous", SplitBehavior::kContiguous},
}};

Result<const JsonObject*> ObjectAt(const JsonValue& value, const std::string& where) {
  if (value.is_object()) return &value.get_object();
  return Invalid(where + ": expected an object, found " + Shown(value));
}

Result<const JsonArray*> ArrayAt(const JsonObject& object, std::string_view key,
                                 const std::string& where) {
  const JsonValue* value = MemberOrNull(object, key);
  if (value != nullptr && value->is_array()) return &value->get_array();
  return Invalid(fmt::format("{}.{}: expected an array, found {}", where, key,
                             value == nullptr ? "nothing" : Shown(*value)));
}

// The field `type` of an object that is one of several kinds.
Result<std::string> TypeOf(const JsonObject& object, const std::string& where) {
  const JsonValue* type = MemberOrNull(object, "type");
  if (type != nullptr && type->is_string()) return std::string(type->get_string());
  return Invalid(fmt::format("{}.type: expected a text, found {}", where,
                             type == nullptr ? "nothing" : Shown(*type)));
}

base::Error UnknownType(const std::string& where, std::string_view type, std::string_view known) {
  return Unsupported(
      fmt::format("{}.type: {} is not known; glimmer reads {}", where, Quoted(type), known));
}

// Calls `read(member, its place)` for the value, or for each member of the array `list` when the
// value is of type Sequence, nested ones included.
template <typename Read>
Status ForEachOfSequence(const JsonValue& value, const std::string& where, std::string_view list,
                         const Read& read) {
  GLIMMER_ASSIGN(const JsonObject* object, ObjectAt(value, where));
  GLIMMER_ASSIGN(const std::string type, TypeOf(*object, where));
  if (type != "Sequence") return read(*object, type, where);
  GLIMMER_TRY(CheckKeys(*object, where, {"type", list}));
  GLIMMER_ASSIGN(const JsonArray* members, ArrayAt(*object, list, where));
  for (size_t i = 0; i < members->size(); ++i) {
    GLIMMER_TRY(
        ForEachOfSequence((*members)[i], fmt::format("{}.{}[{}]", where, list, i), list, read));
  }
  return {};
}

Result<ByteLevelStep> ReadByteLevel(const JsonObject& object, const std::string& where) {
  GLIMMER_TRY(CheckKeys(object, where, {"type", "add_prefix_space", "trim_offsets", "use_regex"}));
  JsonFields fields(object, where);
  ByteLevelStep step{.add_prefix_space = fields.BoolOr("add_prefix_space", true),
                     .use_regex = fields.BoolOr("use_regex", true)};
  (void)fields.BoolOr("trim_offsets", true);  // only of offsets, which glimmer does not give
  GLIMMER_TRY(fields.status());
  return step;
}

Status ReadPattern(const JsonObject& object, const std::string& where, SplitStep& step) {
  const JsonValue* pattern = MemberOrNull(object, "pattern");
  const JsonObject* kinds = pattern == nullptr ? nullptr : pattern->if_object();
  const bool one = kinds != nullptr && kinds->size() == 1 && kinds->begin()->value().is_string();
  const std::string_view kind = one ? std::string_view(kinds->begin()->key()) : "";
  if (kind != "Regex" && kind != "String") {
    return Invalid(
        fmt::format("{}.pattern: expected {{\"Regex\": text}} or {{\"String\": text}}, "
                    "found {}",
                    where, pattern == nullptr ? "nothing" : Shown(*pattern)));
  }
  step.matches = kind == "Regex" ? SplitStep::Matches::kRegex : SplitStep::Matches::kLiteral;
  step.pattern = std::string(kinds->begin()->value().get_string());
  if (step.pattern.empty()) return Invalid(where + ".pattern: is empty");
  return {};
}

Result<SplitStep> ReadSplit(const JsonObject& object, const std::string& where) {
  GLIMMER_TRY(CheckKeys(object, where, {"type", "pattern", "behavior", "invert"}));
  SplitStep step;
  GLIMMER_TRY(ReadPattern(object, where, step));
  JsonFields fields(object, where);
  step.invert = fields.BoolOr("invert", false);
  const std::string behavior = fields.StringOr("behavior", "");
  GLIMMER_TRY(fields.status());
  const auto* known = std::find_if(kBehaviors.begin(), kBehaviors.end(),
                                   [&](const auto& pair) { return pair.first == behavior; });
  if (known == kBehaviors.end()) {
    return Unsupported(
        fmt::format("{}.behavior: {} is not known; glimmer reads Removed, Isolated, "
                    "MergedWithPrevious, MergedWithNext and Contiguous",
                    where, Quoted(behavior)));
  }
  step.behavior = known->second;
  return step;
}

Result<SplitStep> ReadDigits(const JsonObject& object, const std::string& where) {
  GLIMMER_TRY(CheckKeys(object, where, {"type", "individual_digits"}));
  JsonFields fields(object, where);
  const bool individual = fields.BoolOr("individual_digits", false);
  GLIMMER_TRY(fields.status());
  SplitStep step;
  step.matches = SplitStep::Matches::kNumeric;
  step.behavior = individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous;
  return step;
}

// The ids that one entry of a template's `single` stands for; nothing for the text itself.
Result<std::optional<std::vector<TokenId>>> ReadTemplateEntry(const JsonValue& entry,
                                                              const JsonObject& special_tokens,
                                                              const std::string& where) {
  const JsonObject* kinds = entry.if_object();
  const JsonObject* body =
      kinds != nullptr && kinds->size() == 1 ? kinds->begin()->value().if_object() : nullptr;
  if (body == nullptr) {
    return Invalid(where + ": expected SpecialToken or Sequence, found " + Shown(entry));
  }
  const std::string_view kind = kinds->begin()->key();
  JsonFields fields(*body, where);
  const std::string id = fields.StringOr("id", "");
  GLIMMER_TRY(fields.status());
  if (kind == "Sequence" && id == "A") return std::optional<std::vector<TokenId>>();
  if (kind != "SpecialToken") {
    return Unsupported(
        fmt::format("{}: {} is not known; glimmer reads SpecialToken, and Sequence "
                    "with the id A",
                    where, Shown(entry)));
  }
  const JsonValue* token = MemberOrNull(special_tokens, id);
  const JsonValue* ids =
      token != nullptr && token->is_object() ? MemberOrNull(token->get_object(), "ids") : nullptr;
  std::vector<TokenId> out;
  if (ids != nullptr && ids->is_array()) {
    for (const JsonValue& one : ids->get_array()) {
      if (one.is_int64() && one.get_int64() >= 0 && one.get_int64() <= kMaxTokenId) {
        out.push_back(static_cast<TokenId>(one.get_int64()));
      }
    }
    if (out.size() == ids->get_array().size()) return std::optional(std::move(out));
  }
  return Invalid(fmt::format("{}: special_tokens has no ids for {}", where, Quoted(id)));
}

Result<Template> ReadTemplate(const JsonObject& object, const std::string& where) {
  GLIMMER_TRY(CheckKeys(object, where, {"type", "single", "pair", "special_tokens"}));
  GLIMMER_ASSIGN(const JsonArray* single, ArrayAt(object, "single", where));
  const JsonValue* tokens = MemberOrNull(object, "special_tokens");
  if (tokens == nullptr || !tokens->is_object()) {
    return Invalid(where + ".special_tokens: expected an object");
  }
  Template out;
  size_t texts = 0;
  for (size_t i = 0; i < single->size(); ++i) {
    GLIMMER_ASSIGN(const std::optional<std::vector<TokenId>> ids,
                   ReadTemplateEntry((*single)[i], tokens->get_object(),
                                     fmt::format("{}.single[{}]", where, i)));
    std::vector<TokenId>& side = texts == 0 ? out.before : out.after;
    if (ids) {
      side.insert(side.end(), ids->begin(), ids->end());
    } else {
      ++texts;
    }
  }
  if (texts == 1) return out;
  return Unsupported(
      fmt::format("{}.single: expected the text once, found it {} times", where, texts));
}

Result<AddedToken> ReadAddedToken(const JsonValue& value, const std::string& where) {
  GLIMMER_ASSIGN(const JsonObject* object, ObjectAt(value, where));
  GLIMMER_TRY(
      CheckKeys(*object, where,
                {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"}));
  JsonFields fields(*object, where);
  AddedToken token;
  token.id = static_cast<TokenId>(fields.Int("id", 0, kMaxTokenId));
  token.content = fields.StringOr("content", "");
  token.special = fields.BoolOr("special", false);
  token.lstrip = fields.BoolOr("lstrip", false);
  token.rstrip = fields.BoolOr("rstrip", false);
  token.single_word = fields.BoolOr("single_word", false);
  token.normalized = fields.BoolOr("normalized", !token.special);
  if (token.content.empty()) fields.Fail("content", "is missing or empty");
  if (token.content.size() > kMaxAddedTokenBytes) {
    fields.Fail("content", fmt::format("has {} bytes; glimmer reads up to {}", token.content.size(),
                                       kMaxAddedTokenBytes));
  }
  GLIMMER_TRY(fields.status());
  return token;
}

}  // namespace

Status CheckKeys(const JsonObject& object, const std::string& where,
                 std::initializer_list<std::string_view> known) {
  for (const auto& member : object) {
    const std::string_view key(member.key().data(), member.key().size());
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return Unsupported(fmt::format("{}: the field {} is not known", where, Quoted(key)));
  }
  return {};
}

const JsonValue* MemberOrNull(const JsonObject& object, std::string_view key) {
  const auto* member = object.if_contains(boost::json::string_view(key.data(), key.size()));
  return member == nullptr || member->is_null() ? nullptr : member;
}

Result<Normalization> ReadNormalizer(const JsonValue* value, const std::string& where) {
  Normalization normalization = Normalization::kNone;
  if (value == nullptr) return normalization;
  GLIMMER_TRY(ForEachOfSequence(
      *value, where, "normalizers",
      [&](const JsonObject& object, const std::string& type, const std::string& at) -> Status {
        if (type != "NFC") return UnknownType(at, type, "NFC and Sequence");
        normalization = Normalization::kNfc;
        return CheckKeys(object, at, {"type"});
      }));
  return normalization;
}

Result<PreTokenizerSpec> ReadPreTokenizer(const JsonValue* value, const std::string& where) {
  PreTokenizerSpec spec;
  bool ended = false;
  if (value != nullptr) {
    GLIMMER_TRY(ForEachOfSequence(
        *value, where, "pretokenizers",
        [&](const JsonObject& object, const std::string& type, const std::string& at) -> Status {
          if (ended) return Unsupported(at + ": a step after ByteLevel");
          if (type == "ByteLevel") {
            ended = true;
            GLIMMER_ASSIGN(spec.byte_level, ReadByteLevel(object, at));
            return {};
          }
          if (type != "Split" && type != "Digits") {
            return UnknownType(at, type, "ByteLevel, Digits, Sequence and Split");
          }
          GLIMMER_ASSIGN(SplitStep step,
                         type == "Split" ? ReadSplit(object, at) : ReadDigits(object, at));
          spec.splits.push_back(std::move(step));
          return {};
        }));
  }
  if (ended) return spec;
  return Unsupported(where + ": has no ByteLevel; glimmer reads byte-level BPE only");
}

Result<Template> ReadPostProcessor(const JsonValue* value, const std::string& where) {
  Template out;
  bool found = false;
  if (value == nullptr) return out;
  GLIMMER_TRY(ForEachOfSequence(
      *value, where, "processors",
      [&](const JsonObject& object, const std::string& type, const std::string& at) -> Status {
        if (type == "ByteLevel") {  // changes offsets only
          GLIMMER_ASSIGN(const ByteLevelStep unused, ReadByteLevel(object, at));
          (void)unused;
          return {};
        }
        if (type != "TemplateProcessing") {
          return UnknownType(at, type, "ByteLevel, Sequence and TemplateProcessing");
        }
        if (found) return Unsupported(at + ": a second TemplateProcessing");
        found = true;
        GLIMMER_ASSIGN(out, ReadTemplate(object, at));
        return {};
      }));
  return out;
}

Status CheckDecoder(const JsonValue* value, const std::string& where) {
  if (value == nullptr) return Unsupported(where + ": is missing; glimmer reads ByteLevel");
  return ForEachOfSequence(
      *value, where, "decoders",
      [&](const JsonObject& object, const std::string& type, const std::string& at) -> Status {
        if (type != "ByteLevel") return UnknownType(at, type, "ByteLevel");
        GLIMMER_ASSIGN(const ByteLevelStep unused, ReadByteLevel(object, at));
        (void)unused;
        return {};
      });
}

Result<std::vector<AddedToken>> ReadAddedTokens(const JsonValue* value, const std::string& where) {
  std::vector<AddedToken> tokens;
  if (value == nullptr) return tokens;
  if (!value->is_array()) return Invalid(where + ": expected an array, found " + Shown(*value));
  if (value->get_array().size() > kMaxAddedTokens) {
    return base::Exhausted(fmt::format("{}: {} tokens; glimmer reads up to {}", where,
                                       value->get_array().size(), kMaxAddedTokens));
  }
  for (const JsonValue& item : value->get_array()) {
    GLIMMER_ASSIGN(AddedToken token,
                   ReadAddedToken(item, fmt::format("{}[{}]", where, tokens.size())));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace glimmer::text
