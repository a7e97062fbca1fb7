// The names of JSON values, for headers that mention them without looking inside: the definitions,
// in base/json.h, take longer to compile than most files.
#pragma once

#include <boost/json/fwd.hpp>

namespace glimmer::base {

using JsonValue = boost::json::value;
using JsonObject = boost::json::object;
using JsonArray = boost::json::array;

}  // namespace glimmer::base
