// Python's fnmatch.fnmatchcase: `*` any run of characters, dots included, `?` one, `[abc]`, `[a-z]`
// and `[!abc]` one of a set; a bracket that is not closed stands for itself.
#pragma once

#include <string_view>

namespace glimmer::check {

bool Fnmatch(std::string_view name, std::string_view pattern);

}  // namespace glimmer::check
