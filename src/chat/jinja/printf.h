// Formatting: Python's `"…" % values`, str.format, and what HTML needs escaped.
#pragma once

#include <string>
#include <string_view>

#include "chat/jinja/value.h"

namespace glimmer::chat::jinja {

// "%s and %d" % (a, b), or with %(name)s and a dict. Throws Failure.
Value PrintfFormatted(Heap& heap, std::string_view pattern, const Value& values);

// "{} {name:>5}".format(…). Throws Failure.
Value StrFormatted(Heap& heap, std::string_view pattern, const Arguments& arguments);

std::string EscapedHtml(std::string_view text);

}  // namespace glimmer::chat::jinja
