// One line of a JSONL file: an object whose fields say what the sample is. Of these fields the
// first that is there and not null counts, in modelopt's order:
//
//   tokens                     ids, taken as they are
//   messages, conversations    turns: {"role", "content"} or ShareGPT's {"from", "value"}
//   prompt                     and `completion`, `response`, `output` as far as they are there
//   text
//   input                      and `output` if it is there
//   article                    cnn_dailymail's
//
// Parts of one sample are joined with a line feed. Turns too, without their roles; or they become
// messages for the chat template, with the row's `tools`. Other fields are ignored.
//
// Source: modelopt 0.47, torch/utils/dataset_utils.py: _join_messages_content,
// _auto_preprocess_sample, _apply_chat_template_to_messages; docs/calibration-data.md.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "chat/template.h"
#include "data/skip.h"
#include "text/token.h"

namespace glimmer::data {

// What becomes of a conversation.
enum class Turns {
  kJoined,    // the contents, joined with line feeds
  kTemplate,  // what the model's chat template makes of it, without a generation prompt
};

struct RowOptions {
  Turns turns = Turns::kJoined;
  uint64_t vocab_size = 0;  // `tokens` are below
};

// For errors: the fields of which a row needs one.
constexpr std::string_view kRowFields =
    "tokens, messages, conversations, prompt, text, input, article";

// Token ids, a text, a conversation, or why the line gives no sample.
using Row = std::variant<std::vector<text::TokenId>, std::string, chat::ChatInput, Skip>;

// `line` may hold any bytes. Errors: kInvalid for a number in `tokens` that is no id of the
// vocabulary, which no skipping could make good: the ids are of another tokenizer.
base::Result<Row> ParseRow(std::string_view line, const RowOptions& options);

}  // namespace glimmer::data
