#include "chat/output_parser.h"

#include <gtest/gtest.h>

#include "chat/chat_testing.h"

namespace glimmer::chat {
namespace {

using Start = OutputParser::Start;

struct Case {
  std::string name;
  std::string text;
  Start start;
  base::JsonValue expected;
};

const base::JsonValue& Data() {
  static const base::JsonValue data = TestJson("testdata/chat/glm_tool_call_cases.json");
  return data;
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const auto& entry : Data().at("cases").as_array()) {
    const bool thinks = PromptOpensThinking("<|assistant|>" + StringAt(entry, "prompt_ends_with"));
    cases.push_back({StringAt(entry, "name"), StringAt(entry, "text"),
                     thinks ? Start::kThinking : Start::kAnswer, entry});
  }
  return cases;
}

ParsedOutput Parsed(const std::vector<std::string>& pieces, Start start,
                    const base::JsonValue& tools) {
  OutputParser parser(start, tools);
  std::vector<OutputEvent> events;
  for (const auto& piece : pieces) {
    for (auto& event : parser.Feed(piece)) events.push_back(std::move(event));
  }
  for (auto& event : parser.Finish()) events.push_back(std::move(event));
  return Collected(events, start);
}

// The whole result as one text, so that two compare at once.
std::string Shown(const ParsedOutput& output) {
  std::string shown = "reasoning: " + output.reasoning.value_or("(none)") +
                      "\ncontent: " + output.content.value_or("(none)");
  for (const auto& call : output.calls) shown += "\ncall: " + call.name + " " + call.arguments;
  return shown;
}

std::optional<std::string> OptionalText(const base::JsonValue& value) {
  if (value.is_null()) return std::nullopt;
  return std::string(value.as_string());
}

std::string ShownWhole(const std::string& text, Start start = Start::kAnswer) {
  return Shown(ParseOutput(text, start, Data().at("tools")));
}

TEST(OutputParser, EveryCaseGivesItsResult) {
  EXPECT_EQ(Cases().size(), 23u);
  for (const Case& c : Cases()) {
    const ParsedOutput output = ParseOutput(c.text, c.start, Data().at("tools"));
    EXPECT_EQ(output.reasoning, OptionalText(c.expected.at("reasoning"))) << c.name;
    EXPECT_EQ(output.content, OptionalText(c.expected.at("content"))) << c.name;
    const auto& calls = c.expected.at("tool_calls").as_array();
    ASSERT_EQ(output.calls.size(), calls.size()) << c.name;
    for (size_t i = 0; i < calls.size(); ++i) {
      EXPECT_EQ(output.calls[i].name, StringAt(calls[i], "name")) << c.name;
      const auto arguments = base::ParseJson(output.calls[i].arguments, c.name);
      ASSERT_TRUE(arguments.ok()) << output.calls[i].arguments;
      EXPECT_EQ(arguments.value(), calls[i].at("arguments")) << c.name;
    }
  }
}

TEST(OutputParser, EveryCutGivesTheSame) {
  for (const Case& c : Cases()) {
    const auto& tools = Data().at("tools");
    const std::string whole = Shown(ParseOutput(c.text, c.start, tools));
    for (size_t at = 0; at <= c.text.size(); ++at) {
      EXPECT_EQ(Shown(Parsed({c.text.substr(0, at), c.text.substr(at)}, c.start, tools)), whole)
          << c.name << " cut at " << at;
    }
    std::vector<std::string> bytes;
    for (const char byte : c.text) bytes.emplace_back(1, byte);
    EXPECT_EQ(Shown(Parsed(bytes, c.start, tools)), whole) << c.name << " byte by byte";
  }
}

TEST(OutputParser, BigIntegersKeepTheirDigits) {
  EXPECT_EQ(ShownWhole("<tool_call>process<arg_key>count</arg_key>"
                       "<arg_value>123456789012345678901234567890</arg_value></tool_call>"),
            "reasoning: (none)\ncontent: (none)\n"
            "call: process {\"count\": 123456789012345678901234567890}");
}

TEST(OutputParser, ACallEndsTheThinking) {
  EXPECT_EQ(ShownWhole("Let me look.<tool_call>get_current_date</tool_call>", Start::kThinking),
            "reasoning: Let me look.\ncontent: (none)\ncall: get_current_date {}");
}

TEST(OutputParser, ATagInProseIsText) {
  EXPECT_EQ(ShownWhole("I could use <tool_call> tags.</think>Done.", Start::kThinking),
            "reasoning: I could use <tool_call> tags.\ncontent: Done.");
  EXPECT_EQ(ShownWhole("Use <tool_call></tool_call> here"),
            "reasoning: (none)\ncontent: Use <tool_call></tool_call> here");
}

TEST(OutputParser, AnUnclosedCallInTheThinkingIsReasoning) {
  EXPECT_EQ(ShownWhole("Hm <tool_call>get_weather<arg_key>ci", Start::kThinking),
            "reasoning: Hm <tool_call>get_weather<arg_key>ci\ncontent: (none)");
}

TEST(OutputParser, ABrokenCallStaysVisibleBehindAGoodOne) {
  EXPECT_EQ(ShownWhole("<tool_call>get_current_date</tool_call>"
                       "<tool_call>get_weather<arg_key>city</arg_key></tool_call>"),
            "reasoning: (none)\n"
            "content: <tool_call>get_weather<arg_key>city</arg_key></tool_call>\n"
            "call: get_current_date {}");
}

TEST(OutputParser, ValuesMayHoldTheTagsOfCalls) {
  EXPECT_EQ(ShownWhole("<tool_call>process<arg_key>text</arg_key><arg_value>a</tool_call>"
                       "<tool_call>b</arg_value></tool_call>"),
            "reasoning: (none)\ncontent: (none)\n"
            "call: process {\"text\": \"a</tool_call><tool_call>b\"}");
}

TEST(OutputParser, SpaceAloneIsAnAnswerWithoutCalls) {
  EXPECT_EQ(ShownWhole(" \n"), "reasoning: (none)\ncontent:  \n");
  EXPECT_EQ(ShownWhole(" \n x "), "reasoning: (none)\ncontent:  \n x ");
}

TEST(OutputParser, PythonContainersBecomeJson) {
  EXPECT_EQ(ShownWhole("<tool_call>process<arg_key>data</arg_key>"
                       "<arg_value>{'a': [True, None, 'it\\'s'],}</arg_value></tool_call>"),
            "reasoning: (none)\ncontent: (none)\n"
            "call: process {\"data\": {\"a\": [true, null, \"it's\"]}}");
}

TEST(OutputParser, TheLastOfTwoEqualKeysCounts) {
  EXPECT_EQ(ShownWhole("<tool_call>f<arg_key>a</arg_key><arg_value>1</arg_value>"
                       "<arg_key>a</arg_key><arg_value>2</arg_value></tool_call>"),
            "reasoning: (none)\ncontent: (none)\ncall: f {\"a\": 2}");
}

TEST(OutputParser, SchemasMayAllowSeveralTypes) {
  const auto tools = base::ParseJson(
      R"([{"name": "f", "parameters": {"properties": {"a": {"type": ["string", "null"]},
          "b": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}}}, 7, {"function": 5}])",
      "tools");
  ASSERT_TRUE(tools.ok());
  const auto output = ParseOutput(
      "<tool_call>f<arg_key>a</arg_key><arg_value>null</arg_value>"
      "<arg_key>b</arg_key><arg_value>12</arg_value></tool_call>",
      Start::kAnswer, tools.value());
  EXPECT_EQ(output.calls.at(0).arguments, R"({"a": null, "b": "12"})");
}

TEST(OutputParser, BytesThatAreNotUtf8AreReplacedInArguments) {
  EXPECT_EQ(ShownWhole("<tool_call>f<arg_key>a</arg_key><arg_value>x\xffy</arg_value></tool_call>"),
            "reasoning: (none)\ncontent: (none)\ncall: f {\"a\": \"x\xef\xbf\xbdy\"}");
  for (const char* broken : {"\xf0", "\xe4\xb8", "\x80"}) {
    EXPECT_EQ(ShownWhole(std::string("<tool_call>f<arg_key>a</arg_key><arg_value>") + broken +
                         "</arg_value></tool_call>"),
              "reasoning: (none)\ncontent: (none)\ncall: f {\"a\": \"\xef\xbf\xbd\"}");
  }
  // Two keys that become the same are one key.
  EXPECT_EQ(ShownWhole("<tool_call>f<arg_key>\xfe</arg_key><arg_value>1</arg_value>"
                       "<arg_key>\xff</arg_key><arg_value>2</arg_value></tool_call>"),
            "reasoning: (none)\ncontent: (none)\ncall: f {\"\xef\xbf\xbd\": 2}");
}

TEST(PromptOpensThinking, LooksAtTheEnd) {
  EXPECT_TRUE(PromptOpensThinking("<|assistant|><think>"));
  EXPECT_TRUE(PromptOpensThinking("<|assistant|><think>\n"));
  EXPECT_FALSE(PromptOpensThinking("<|assistant|></think>"));
  EXPECT_FALSE(PromptOpensThinking(""));
}

}  // namespace
}  // namespace glimmer::chat
