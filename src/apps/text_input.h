// The text a command works on: from its arguments, a file, or standard input.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace glimmer::apps {

struct TextInput {
  std::vector<std::string> arguments;
  std::string file;
};

// The file if one is named, else the arguments with a space between them, else standard input to
// its end. Errors: kInvalid when arguments and file are both given; kNotFound, kIo; kExhausted
// beyond `limit_bytes`; kCancelled by Ctrl-C.
base::Result<std::string> ReadText(const TextInput& input, uint64_t limit_bytes);

}  // namespace glimmer::apps
