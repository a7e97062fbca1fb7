// Requests as chat templates expect them: checks the shape of messages and tools, and undoes what
// the OpenAI protocol does to them.
#pragma once

#include "base/json_types.h"
#include "base/result.h"

namespace glimmer::chat {

// `messages` with tool call arguments as objects and no `content` of null.
// Errors: kInvalid, naming the place (`messages[2].tool_calls[0]…`).
base::Result<base::JsonValue> TemplateMessages(const base::JsonValue& messages);

// Errors: kInvalid unless `tools` is null or an array of objects.
base::Status CheckTools(const base::JsonValue& tools);

}  // namespace glimmer::chat
