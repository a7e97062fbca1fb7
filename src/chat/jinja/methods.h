// The methods of str, list, tuple and dict. Those that change their object do not exist here, as
// in jinja2's immutable sandbox.
#pragma once

#include <optional>
#include <string_view>

#include "chat/jinja/named.h"
#include "chat/jinja/value.h"

namespace glimmer::chat::jinja {

using NamedMethod = Named<Function::Body>;

// The method bound to `self`. std::nullopt when its type has none of this name.
std::optional<Value> MethodOf(const Value& self, std::string_view name);

// Whether it is a method that would change a dict: hides a key of that name behind `.name`.
bool IsRefusedMethod(const Value& self, std::string_view name);

// nullptr when there is none of this name.
Function::Body FindTextMethod(std::string_view name);
Function::Body FindContainerMethod(const Value& self, std::string_view name);

}  // namespace glimmer::chat::jinja
