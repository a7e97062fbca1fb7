// Any bytes as a template: rendering ends within small limits, without a crash.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "chat/jinja/program.h"

namespace {

namespace jinja = glimmer::chat::jinja;

constexpr std::string_view kVariables = R"({
  "messages": [{"role": "user", "content": "hi ü🙂"},
               {"role": "assistant", "content": [{"type": "text", "text": "x"}],
                "tool_calls": [{"function": {"name": "f", "arguments": {"a": [1, 2.5, null]}}}]}],
  "tools": [{"type": "function", "function": {"name": "f", "strict": true}}],
  "add_generation_prompt": true, "n": 3, "s": "a b\nc", "d": {"k": 1, "b": "v"}})";

const glimmer::base::JsonObject& Variables() {
  static const glimmer::base::JsonObject variables =
      glimmer::base::ParseJson(kVariables, "variables").value().as_object();
  return variables;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size_bytes) {
  jinja::Limits limits;
  limits.max_template_bytes = 1 << 16;
  limits.max_steps = 20'000;
  limits.max_memory_bytes = 4 << 20;
  limits.max_output_bytes = 1 << 20;
  const std::string_view source(reinterpret_cast<const char*>(data), size_bytes);
  const auto program = jinja::Program::Parse(source, "fuzz", limits);
  if (program.ok()) (void)program.value().Render(Variables(), 0);
  return 0;
}
