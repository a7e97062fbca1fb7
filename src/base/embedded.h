// Text files compiled into the program (cmake/embed.cmake), so that one binary is enough.
#pragma once

#include <string_view>
#include <vector>

namespace glimmer::base {

struct EmbeddedFile {
  std::string_view name;  // file name without folder and ending
  std::string_view text;
};

}  // namespace glimmer::base
