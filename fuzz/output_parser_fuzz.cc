// Any bytes as a model's output, cut anywhere: the result does not depend on the cuts, and the
// arguments of every call are JSON.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "chat/output_parser.h"

namespace {

namespace chat = glimmer::chat;

const glimmer::base::JsonValue& Tools() {
  static const glimmer::base::JsonValue tools =
      glimmer::base::ParseJson(R"([{"function": {"name": "f", "parameters": {"properties": {
          "s": {"type": "string"}, "n": {"type": "integer"},
          "o": {"type": ["string", "null"]}}}}}])",
                               "tools")
          .value();
  return tools;
}

// The bytes stand for tags often enough to build whole calls.
std::string Expanded(std::string_view bytes) {
  static constexpr std::string_view kTags[] = {
      "<think>",   "</think>",   "<tool_call>", "</tool_call>",
      "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>",
      "f",         "s"};
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0xf5 - 10 && byte < 0xf5) {
      text += kTags[byte - (0xf5 - 10)];
    } else {
      text += c;
    }
  }
  return text;
}

bool AreEqual(const chat::ParsedOutput& a, const chat::ParsedOutput& b) {
  if (a.reasoning != b.reasoning || a.content != b.content) return false;
  if (a.calls.size() != b.calls.size()) return false;
  for (size_t i = 0; i < a.calls.size(); ++i) {
    if (a.calls[i].name != b.calls[i].name || a.calls[i].arguments != b.calls[i].arguments) {
      return false;
    }
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size_bytes) {
  if (size_bytes < 2) return 0;
  const auto start = (data[0] & 1) != 0 ? chat::OutputParser::Start::kThinking
                                        : chat::OutputParser::Start::kAnswer;
  const size_t step = data[1] % 16 + 1;
  const std::string text = Expanded({reinterpret_cast<const char*>(data) + 2, size_bytes - 2});
  const chat::ParsedOutput whole = chat::ParseOutput(text, start, Tools());
  chat::OutputParser parser(start, Tools());
  std::vector<chat::OutputEvent> events;
  for (size_t at = 0; at < text.size(); at += step) {
    for (auto& event : parser.Feed(std::string_view(text).substr(at, step))) {
      events.push_back(std::move(event));
    }
  }
  for (auto& event : parser.Finish()) events.push_back(std::move(event));
  if (!AreEqual(whole, chat::Collected(events, start))) std::abort();
  for (const auto& call : whole.calls) {
    if (!glimmer::base::ParseJson(call.arguments, "arguments").ok()) std::abort();
  }
  return 0;
}
