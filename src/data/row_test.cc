#include "data/row.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace glimmer::data {
namespace {

using Ids = std::vector<text::TokenId>;

constexpr uint64_t kVocab = 100;

Row RowOf(std::string_view line, Turns turns = Turns::kJoined) {
  auto row = ParseRow(line, {turns, kVocab});
  EXPECT_TRUE(row.ok()) << line;
  return row.ok() ? std::move(row).value() : Row();
}

std::string TextOf(std::string_view line) {
  const Row row = RowOf(line);
  const auto* text = std::get_if<std::string>(&row);
  EXPECT_NE(text, nullptr) << line;
  return text == nullptr ? "" : *text;
}

Skip SkipOf(std::string_view line, Turns turns = Turns::kJoined) {
  const Row row = RowOf(line, turns);
  const auto* skip = std::get_if<Skip>(&row);
  EXPECT_NE(skip, nullptr) << line;
  return skip == nullptr ? Skip{} : *skip;
}

chat::ChatInput ChatOf(std::string_view line) {
  Row row = RowOf(line, Turns::kTemplate);
  auto* input = std::get_if<chat::ChatInput>(&row);
  EXPECT_NE(input, nullptr) << line;
  return input == nullptr ? chat::ChatInput() : std::move(*input);
}

TEST(ParseRow, Texts) {
  EXPECT_EQ(TextOf(R"({"text": "a\nb", "id": 3})"), "a\nb");
  EXPECT_EQ(TextOf(R"({"id": 1, "article": "news", "highlights": "n"})"), "news");
  EXPECT_EQ(TextOf(R"({"prompt": "p", "response": "r"})"), "p\nr");
  EXPECT_EQ(TextOf(R"({"output": "o", "response": null, "prompt": "p", "completion": ""})"),
            "p\n\no");
  EXPECT_EQ(TextOf(R"({"prompt": "p"})"), "p");
  EXPECT_EQ(TextOf(R"({"input": "i", "output": "o"})"), "i\no");
  EXPECT_EQ(TextOf(R"({"text": ""})"), "");
}

TEST(ParseRow, TheFirstFieldOfTheListCounts) {
  EXPECT_EQ(TextOf(R"({"article": "a", "text": "t"})"), "t");
  EXPECT_EQ(TextOf(R"({"text": "t", "prompt": "p"})"), "p");
  EXPECT_EQ(TextOf(R"({"prompt": "p", "messages": [{"role": "user", "content": "m"}]})"), "m");
  EXPECT_EQ(TextOf(R"({"messages": null, "prompt": null, "text": "t"})"), "t");
  EXPECT_EQ(std::get<Ids>(RowOf(R"({"text": "t", "tokens": [1]})")), Ids({1}));
}

TEST(ParseRow, TurnsAreJoined) {
  EXPECT_EQ(TextOf(R"({"messages": [{"role": "system", "content": "s"},
                                    {"role": "user", "content": "u"},
                                    {"role": "assistant", "content": null, "tool_calls": []}]})"),
            "s\nu\n");
  EXPECT_EQ(TextOf(R"({"conversations": [{"from": "human", "value": "h"},
                                         {"from": "gpt", "value": "g"}]})"),
            "h\ng");
  EXPECT_EQ(TextOf(R"({"conversations": [{"role": "user", "content": "u"}]})"), "u");
  EXPECT_EQ(TextOf(R"({"messages": []})"), "");
}

TEST(ParseRow, TurnsForTheTemplate) {
  const auto input = ChatOf(R"({"messages": [{"role": "user", "content": "u", "more": 1}]})");
  EXPECT_FALSE(input.add_generation_prompt);
  EXPECT_TRUE(input.tools.is_null());
  EXPECT_EQ(base::DumpJson(input.messages, 0), R"([{"role": "user", "content": "u", "more": 1}])");
}

TEST(ParseRow, ShareGptTurnsGetRoles) {
  const auto input = ChatOf(R"({"conversations": [
      {"from": "system", "value": "a"}, {"from": "human", "value": "b"},
      {"from": "gpt", "value": "c"}, {"from": "observation", "value": "d"}]})");
  EXPECT_EQ(base::DumpJson(input.messages, 0),
            R"([{"role": "system", "content": "a"}, {"role": "user", "content": "b"}, )"
            R"({"role": "assistant", "content": "c"}, {"role": "tool", "content": "d"}])");
}

TEST(ParseRow, ToolsAsArrayOrText) {
  for (const char* tools : {R"([{"name": "f"}])", R"("[{\"name\": \"f\"}]")"}) {
    const auto input = ChatOf(std::string(R"({"messages": [], "tools": )") + tools + "}");
    EXPECT_EQ(base::DumpJson(input.tools, 0), R"([{"name": "f"}])");
  }
  EXPECT_TRUE(ChatOf(R"({"messages": [], "tools": ""})").tools.is_null());
  for (const char* tools : {"3", R"("[")", R"("{}")"}) {
    const auto line = std::string(R"({"messages": [], "tools": )") + tools + "}";
    EXPECT_EQ(SkipOf(line, Turns::kTemplate).reason, SkipReason::kWrongType);
  }
}

TEST(ParseRow, TokensAreTaken) {
  EXPECT_EQ(std::get<Ids>(RowOf(R"({"tokens": [0, 99, 5]})")), Ids({0, 99, 5}));
  EXPECT_EQ(std::get<Ids>(RowOf(R"({"tokens": []})")), Ids());
}

TEST(ParseRow, TokensThatAreNoIdsAreAnError) {
  for (const char* id : {"100", "-1", "1.5", "1.0", "18446744073709551615", "1e3"}) {
    const auto row =
        ParseRow(std::string(R"({"tokens": [7, )") + id + "]}", {.vocab_size = kVocab});
    ASSERT_FALSE(row.ok()) << id;
    EXPECT_EQ(row.error().kind, base::ErrorKind::kInvalid);
    EXPECT_NE(row.error().message.find("tokens: expected ids from 0 to 99, found"),
              std::string::npos);
    EXPECT_NE(row.error().message.find("at index 1"), std::string::npos);
  }
}

TEST(ParseRow, WrongTypes) {
  const struct {
    const char* line;
    const char* problem;
  } kCases[] = {
      {R"({"text": 3})", "text: expected a text, found 3"},
      {R"({"text": ["a"]})", "text: expected a text, found [\"a\"]"},
      {R"({"prompt": "p", "response": {}})", "response: expected a text, found {}"},
      {R"({"tokens": "a b"})", "tokens: expected an array of token ids, found \"a b\""},
      {R"({"tokens": [1, "a"]})", "tokens: expected an array of token ids, found \"a\""},
      {R"({"messages": "hi"})", "messages: expected an array of turns, found \"hi\""},
      {R"({"messages": ["hi"]})", "messages[0]: expected an object, found \"hi\""},
      {R"({"messages": [{"role": 1}]})", "messages[0].role: expected a text, found 1"},
      {R"({"messages": [{"role": "user"}]})", "messages[0].content: is missing"},
      {R"({"messages": [{"role": "user", "content": [1]}]})",
       "messages[0].content: expected a text, found [1]"},
      {R"({"messages": [{"content": "a"}]})", "messages[0]: it has neither role nor from"},
      {R"({"conversations": [{"from": "me", "value": "a"}]})",
       "conversations[0].from: expected human, gpt, system or tool, found \"me\""},
      {R"({"conversations": [{"from": "gpt"}]})", "conversations[0]: it has no value"},
      {R"({"conversations": [{"from": "gpt", "value": 2}]})",
       "conversations[0].value: expected a text, found 2"},
  };
  for (const auto& [line, problem] : kCases) {
    const Skip skip = SkipOf(line);
    EXPECT_EQ(skip.reason, SkipReason::kWrongType);
    EXPECT_EQ(skip.problem, problem);
  }
}

TEST(ParseRow, LinesThatAreNoObjects) {
  EXPECT_EQ(SkipOf(R"({"text": "a)").reason, SkipReason::kNotJson);
  EXPECT_EQ(SkipOf(R"({"text": "a"} x)").reason, SkipReason::kNotJson);
  EXPECT_EQ(SkipOf(R"({"text": "a", "text": "b"})").problem,
            "column 20: the key \"text\" stands twice in one object");
  EXPECT_EQ(SkipOf("\xff").problem, "byte 1 of the line, 0xff, is not UTF-8");
  EXPECT_EQ(SkipOf("{\"text\": \"gr\xfc\xdf\"}").reason, SkipReason::kNotUtf8);
  EXPECT_EQ(SkipOf(std::string_view("{\"a\0\": 1}", 9)).problem, "byte 4 of the line is 0");
  EXPECT_EQ(SkipOf("[1]").problem, "expected a JSON object, found [1]");
  EXPECT_EQ(SkipOf("null").reason, SkipReason::kNotObject);
  EXPECT_EQ(SkipOf("{}").reason, SkipReason::kNoField);
  EXPECT_EQ(SkipOf(R"({"texts": "a", "text": null})").problem,
            "it has none of tokens, messages, conversations, prompt, text, input, article");
  EXPECT_EQ(SkipOf(std::string(1000, '[')).reason, SkipReason::kNotJson);
}

TEST(Skip, CountsByReasonAndQuotesTheFirst) {
  std::vector<SkippedLines> skipped;
  AddSkip({3, "{\"a\xff"}, {SkipReason::kNotUtf8, "p"}, skipped);
  AddSkip({4, "x"}, {SkipReason::kNotJson, "q"}, skipped);
  AddSkip({9, "y"}, {SkipReason::kNotUtf8, "r"}, skipped);
  EXPECT_EQ(CountSkipped(skipped), 3u);
  EXPECT_EQ(Described(skipped),
            "2 lines not UTF-8 text (first line 3: p, in \"{\\\"a\\xff\"); "
            "1 line not JSON (line 4: q, in \"x\")");
}

TEST(Skip, LongLinesAreQuotedShortBetweenCharacters) {
  std::string line = "a";
  while (line.size() < 200) line += "\xe4\xb8\xad";
  std::vector<SkippedLines> skipped;
  AddSkip({1, line}, {SkipReason::kNotJson, std::string(1000, 'p')}, skipped);
  EXPECT_EQ(skipped[0].first_text, '"' + line.substr(0, 79) + "\"...");
  EXPECT_EQ(skipped[0].first_problem.size(), 200u);
  AddSkip({1, std::string(200, '\xff')}, {SkipReason::kNotUtf8, "p"}, skipped);
  std::string escaped;
  for (int i = 0; i < 80; ++i) escaped += "\\xff";
  EXPECT_EQ(skipped[1].first_text, '"' + escaped + "\"...");
}

}  // namespace
}  // namespace glimmer::data
