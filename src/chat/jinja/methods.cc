#include "chat/jinja/methods.h"

#include <fmt/format.h>

namespace glimmer::chat::jinja {

std::optional<Value> MethodOf(const Value& self, std::string_view name) {
  const Function::Body body =
      self.IsText() ? FindTextMethod(name) : FindContainerMethod(self, name);
  if (body == nullptr) return std::nullopt;
  return Value(std::shared_ptr<Object>(
      std::make_shared<Function>(fmt::format("{}.{}", TypeName(self), name), self, body)));
}

}  // namespace glimmer::chat::jinja
