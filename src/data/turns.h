// Conversations in the rows of data sets, as messages that a chat template takes. Private to data/.
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/json_types.h"
#include "base/result.h"

namespace glimmer::data {

// The member, or nullptr when it is absent or null: what data sets write for a column that a row
// does not have.
const base::JsonValue* PresentOrNull(const base::JsonObject& object, std::string_view name);

// An array of messages, each with a `role`. A turn {"role", …} stays as it is; of a turn {"from",
// "value"} the role is `user` for human and user; `assistant` for gpt, chatgpt, assistant, model
// and function_call; `tool` for tool, observation and function_response; `system` for system.
// `where` names the field. Errors: kInvalid, naming the place.
base::Result<base::JsonValue> ReadTurns(const base::JsonValue& turns, const std::string& where);

// The contents with a line feed between them; a content of null, as turns that only call tools have
// it, is empty. Errors: kInvalid for a content that is no text. REQUIRES: made by ReadTurns.
base::Result<std::string> JoinedContents(const base::JsonValue& messages, const std::string& where);

// The row's `tools`: an array, or a text of one; null when there are none. Errors: kInvalid.
base::Result<base::JsonValue> ReadTools(const base::JsonObject& row);

}  // namespace glimmer::data
