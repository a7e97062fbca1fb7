// Where a model's tokenizer and chat template come from when a text needs them.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "chat/template.h"
#include "text/tokenizer.h"

namespace glimmer::data {

// Each is called at most once, and may be empty if nothing will need it. What it returns has to
// outlive the reading.
struct ModelText {
  uint64_t vocab_size = 0;  // rows of the embedding; all ids are below
  std::function<base::Result<const text::Tokenizer*>()> tokenizer = {};
  std::function<base::Result<const chat::ChatTemplate*>()> chat_template = {};
};

}  // namespace glimmer::data
