// The small fields of a tokenizer.json: everything but the vocabulary and the merges.
// Each reader takes the field's value (nullptr: absent or null) and names `where` in errors:
// kInvalid for a value of the wrong kind, kUnsupported for what glimmer does not know.
// Internal to src/text.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_types.h"
#include "base/result.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_parts.h"

namespace glimmer::text {

// Errors: kUnsupported for a key that is not among `known`.
base::Status CheckKeys(const base::JsonObject& object, const std::string& where,
                       std::initializer_list<std::string_view> known);
// The member, or nullptr when it is absent or null.
const base::JsonValue* MemberOrNull(const base::JsonObject& object, std::string_view key);

base::Result<Normalization> ReadNormalizer(const base::JsonValue* value, const std::string& where);
base::Result<PreTokenizerSpec> ReadPreTokenizer(const base::JsonValue* value,
                                                const std::string& where);
base::Result<Template> ReadPostProcessor(const base::JsonValue* value, const std::string& where);
base::Status CheckDecoder(const base::JsonValue* value, const std::string& where);
base::Result<std::vector<AddedToken>> ReadAddedTokens(const base::JsonValue* value,
                                                      const std::string& where);

}  // namespace glimmer::text
