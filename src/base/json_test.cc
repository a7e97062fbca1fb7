#include "base/json.h"

#include <gtest/gtest.h>

namespace glimmer::base {
namespace {

JsonValue Parsed(std::string_view text) {
  auto value = ParseJson(text, "t");
  EXPECT_TRUE(value.ok()) << text;
  return value.ok() ? std::move(value).value() : JsonValue();
}

TEST(ParseJson, KeepsOrderAndKinds) {
  const JsonValue value = Parsed(R"({"b": 1, "a": [true, null, "x\u00e9\n", 1e-05]} )");
  EXPECT_EQ(DumpJson(value, 0), "{\"b\": 1, \"a\": [true, null, \"x\xc3\xa9\\n\", 1e-05]}");
}

TEST(ParseJson, NamesLineAndColumnOfAnError) {
  const auto value = ParseJson("{\n  \"a\": tru\n}", "config.json");
  ASSERT_FALSE(value.ok());
  EXPECT_EQ(value.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(value.error().message.find("config.json: line 2, column"), std::string::npos)
      << value.error().message;
}

TEST(ParseJson, RefusesWhatPythonWouldTakeSilently) {
  for (const char* text : {R"({"a": 1, "a": 2})", R"([{"b": {"a": 1, "a": 2}}])", "{} {}", "", "{",
                           "[1,]", "nan", "{\"a\": 1}x", "\"\xff\""}) {
    EXPECT_FALSE(ParseJson(text, "t").ok()) << text;
  }
  EXPECT_TRUE(ParseJson(R"([{"a": 1}, {"a": 2}])", "t").ok());
}

TEST(ParseJson, LimitsDepth) {
  EXPECT_TRUE(ParseJson(std::string(60, '[') + std::string(60, ']'), "t").ok());
  EXPECT_FALSE(ParseJson(std::string(100'000, '['), "t").ok());
}

TEST(ParseJson, TakesPythonsWordsForNumbersWhereAsked) {
  const std::string text =
      R"({"a": [0.0,  Infinity], "NaN": NaN,"b":-Infinity, "s": "\"NaN, Infinity", "z": 0.0})";
  EXPECT_FALSE(ParseJson(text, "t").ok());
  const auto value = ParseJson(text, "t", NonFinite::kAccepted);
  ASSERT_TRUE(value.ok()) << value.error().message;
  EXPECT_EQ(DumpJson(value.value(), 0),
            R"({"a": [0, Infinity], "NaN": NaN, "b": -Infinity, "s": "\"NaN, Infinity", "z": 0})");
  JsonFields fields(value.value().get_object(), "config.json");
  EXPECT_EQ(fields.NumberOr("NaN", 0, 1, 0.5), 0);
  EXPECT_EQ(fields.status().error().message,
            "config.json: NaN: expected a number from 0 to 1, found NaN");
}

TEST(ParseJson, TakesNoOtherWords) {
  for (const char* text : {"-NaN", "1Infinity", "Infinity1", "--Infinity", "+Infinity", "[NaNNaN]",
                           "infinity", "nan", "[NaN", "Infinit", "{NaN: 1}"}) {
    EXPECT_FALSE(ParseJson(text, "t", NonFinite::kAccepted).ok()) << text;
  }
  EXPECT_EQ(ParseJson("[NaN,\n Infinity, x]", "t", NonFinite::kAccepted).error().message,
            ParseJson("[0.0,\n 0.000000, x]", "t").error().message);  // the same place
}

TEST(DumpJson, LooksLikePythonsIndent) {
  EXPECT_EQ(DumpJson(Parsed(R"({"a": {"b": [1, "x"], "c": []}, "d": {}, "e": 2.5})"), 4),
            "{\n    \"a\": {\n        \"b\": [\n            1,\n            \"x\"\n        ],\n"
            "        \"c\": []\n    },\n    \"d\": {},\n    \"e\": 2.5\n}");
}

TEST(WithJsonMember, AppendsAndKeepsEveryOtherByte) {
  EXPECT_EQ(WithJsonMember("{\n  \"eps\": 1e-05,\n  \"n\": {\"x\": \"}\"}\n}\n", "q",
                           Parsed(R"({"a": 1})")),
            "{\n  \"eps\": 1e-05,\n  \"n\": {\"x\": \"}\"},\n  \"q\": {\n    \"a\": 1\n  }\n}\n");
  EXPECT_EQ(WithJsonMember("{\"a\": 1}", "q", Parsed("2")), "{\"a\": 1, \"q\": 2}");
}

TEST(WithJsonMember, ReplacesAMemberOfThatName) {
  EXPECT_EQ(WithJsonMember("{\n  \"q\": null,\n  \"b\": 2\n}", "q", Parsed("[3]")),
            "{\n  \"q\": [\n    3\n  ]\n,\n  \"b\": 2\n}");
  EXPECT_EQ(Parsed(WithJsonMember("{\"x\":{\"q\":1},\"q\":null}", "q", Parsed("2"))),
            Parsed("{\"x\":{\"q\":1},\"q\":2}"));
}

TEST(JsonFields, NamesTheFirstWrongField) {
  const JsonValue value = Parsed(R"({"a": 5, "b": "x", "c": null, "d": [1]})");
  JsonFields fields(value.get_object(), "config.json");
  EXPECT_EQ(fields.Int("a", 1, 10), 5);
  EXPECT_EQ(fields.IntOr("c", 1, 10, 7), 7);
  EXPECT_TRUE(fields.status().ok());
  fields.Int("b", 1, 10);
  fields.Int("missing", 1, 10);
  ASSERT_FALSE(fields.status().ok());
  EXPECT_EQ(fields.status().error().message,
            "config.json: b: expected an integer from 1 to 10, found \"x\"");
}

}  // namespace
}  // namespace glimmer::base
