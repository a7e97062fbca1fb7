// Token ids from a file, taken as they are: a flat JSON array of integers. For comparing with other
// programs without going through a tokenizer.
// Source: docs/evaluation.md#the-text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/token.h"

namespace glimmer::eval {

constexpr uint64_t kMaxTokenFileBytes = 256 << 20;

// Errors: kNotFound, kIo; kExhausted beyond the limit; kCorrupt when the file is no JSON array;
// kInvalid, naming the index, for what is no id of the vocabulary, and for fewer than two ids, of
// which nothing can be predicted.
// REQUIRES: 0 < vocab_size <= text::kMaxTokenId + 1.
base::Result<std::vector<text::TokenId>> ReadTokenFile(const std::string& path,
                                                       uint64_t vocab_size);

}  // namespace glimmer::eval
