#include "chat/template.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "base/test_folder.h"
#include "chat/chat_testing.h"

namespace glimmer::chat {
namespace {

using Files = std::map<std::string, std::string>;

// A model folder with the given files, removed at the end.
class Folder {
 public:
  explicit Folder(const Files& files) {
    for (const auto& [name, text] : files) std::ofstream(folder_ / name) << text;
  }
  const std::string& path() const { return folder_.path(); }

 private:
  base::TestFolder folder_;
};

base::JsonValue Json(const std::string& text) {
  auto json = base::ParseJson(text, "test");
  EXPECT_TRUE(json.ok());
  return std::move(json).value();
}

// The prompt, or "kind: message".
std::string Shown(const base::Result<std::string>& result) {
  if (result.ok()) return result.value();
  return std::to_string(base::ExitCode(result.error().kind)) + ": " + result.error().message;
}

std::string Rendered(const std::string& source, const std::string& messages) {
  const auto loaded = ChatTemplate::FromSource(source, "t");
  if (!loaded.ok()) return loaded.error().message;
  return Shown(loaded.value().Render({.messages = Json(messages)}));
}

TEST(ChatTemplate, RendersTheGoldensFromAFolder) {
  const std::string name = "GLM-5.1";
  const Folder folder(
      {{"chat_template.jinja", TestText("testdata/chat/templates/" + name + ".jinja")},
       {"tokenizer_config.json", R"({"eos_token": "<|endoftext|>"})"}});
  const auto loaded = ChatTemplate::Load(folder.path());
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  std::map<std::string, std::string> expected;
  const auto goldens = TestJson("testdata/chat/glm_golden.json");
  for (const auto& golden : goldens.as_array()) {
    if (StringAt(golden, "template") == name) {
      expected[StringAt(golden, "name")] = StringAt(golden, "expected");
    }
  }
  EXPECT_EQ(expected.size(), 36u);
  const auto conversations = TestJson("testdata/chat/glm_conversations.json");
  for (const auto& conversation : conversations.as_array()) {
    ChatInput input{.add_generation_prompt = false};
    for (const auto& field : conversation.at("context").as_object()) {
      if (field.key() == "messages") {
        input.messages = field.value();
      } else if (field.key() == "tools") {
        input.tools = field.value();
      } else if (field.key() == "add_generation_prompt") {
        input.add_generation_prompt = field.value().as_bool();
      } else {
        input.extra[field.key()] = field.value();
      }
    }
    EXPECT_EQ(Shown(loaded.value().Render(input)), expected.at(StringAt(conversation, "name")));
  }
}

TEST(ChatTemplate, TakesTheTemplateAndTokensOfTheConfig) {
  const Folder folder(
      Files{{"tokenizer_config.json",
             R"({"bos_token": {"content": "<b>"}, "eos_token": "<e>", "pad_token": null,
                           "chat_template": "{{ bos_token }}{{ eos_token }}{{ pad_token }}!"})"}});
  const auto loaded = ChatTemplate::Load(folder.path());
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(Shown(loaded.value().Render({.messages = base::JsonArray()})), "<b><e>!");
}

TEST(ChatTemplate, ToolsChooseTheTemplateForTools) {
  const Folder folder(Files{{"tokenizer_config.json",
                             R"({"chat_template": [{"name": "default", "template": "plain"},
                                              {"name": "tool_use", "template": "tools"}]})"}});
  const auto loaded = ChatTemplate::Load(folder.path());
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(Shown(loaded.value().Render({.messages = base::JsonArray()})), "plain");
  EXPECT_EQ(Shown(loaded.value().Render(
                {.messages = base::JsonArray(), .tools = Json(R"([{"name": "f"}])")})),
            "tools");
}

TEST(ChatTemplate, MissingAndBrokenTemplatesAreNamed) {
  const auto error = [](const Files& files) {
    const Folder folder(files);
    const auto loaded = ChatTemplate::Load(folder.path());
    EXPECT_FALSE(loaded.ok());
    return loaded.ok() ? std::string() : loaded.error().message.substr(folder.path().size() + 1);
  };
  EXPECT_EQ(error({}),
            "/tokenizer_config.json\": there is no chat_template, nor a file chat_template.jinja");
  EXPECT_EQ(error(Files{{"tokenizer_config.json", R"({"chat_template": 5})"}}),
            "/tokenizer_config.json\": chat_template: expected a text or a list, found 5");
  EXPECT_EQ(error(Files{{"tokenizer_config.json", R"({"chat_template": [{"name": "x"}]})"}}),
            "/tokenizer_config.json\": chat_template: an entry is not "
            "{\"name\": …, \"template\": …}");
  EXPECT_EQ(error(Files{{"tokenizer_config.json", R"({"chat_template": []})"}}),
            "/tokenizer_config.json\": chat_template: no entry is named \"default\"");
  EXPECT_EQ(error(Files{{"chat_template.jinja", "a\n{% if x %}\nb"}}),
            "/chat_template.jinja\": line 3: the template ends without \"elif\" or \"else\" or "
            "\"endif\"");
}

TEST(ChatTemplate, ArgumentsInTextBecomeObjects) {
  const std::string source =
      "{% for c in messages[0].tool_calls %}{% for k, v in c.function.arguments.items() %}"
      "{{ k }}={{ v|tojson }};{% endfor %}{% endfor %}";
  EXPECT_EQ(Rendered(source, R"([{"role": "assistant", "content": null, "tool_calls": [
      {"function": {"name": "f", "arguments": "{\"a\": [1, \"ü\"]}"}},
      {"function": {"name": "f", "arguments": " "}},
      {"function": {"name": "f", "arguments": {"b": 2}}}]}])"),
            "a=[1, \"ü\"];b=2;");
}

TEST(ChatTemplate, ContentOfNullIsEmpty) {
  EXPECT_EQ(Rendered("[{{ messages[0].content }}]", R"([{"role": "assistant", "content": null}])"),
            "[]");
}

TEST(ChatTemplate, BadInputGetsASentence) {
  EXPECT_EQ(Rendered("", "{}"), "2: messages: expected an array, found {}");
  EXPECT_EQ(Rendered("", "[1]"), "2: messages[0]: expected an object, found 1");
  EXPECT_EQ(Rendered("", "[{}]"), "2: messages[0]: it has no role");
  EXPECT_EQ(Rendered("", R"([{"role": 5}])"), "2: messages[0].role: expected a text, found 5");
  EXPECT_EQ(Rendered("", R"([{"role": "a", "tool_calls": 5}])"),
            "2: messages[0].tool_calls: expected an array, found 5");
  EXPECT_EQ(Rendered("", R"([{"role": "a", "tool_calls": [{"function": {"arguments": "[]"}}]}])"),
            "2: messages[0].tool_calls[0].function.arguments: expected a JSON object, found []");
  EXPECT_TRUE(Rendered("", R"([{"role": "a", "tool_calls": [{"arguments": "{"}]}])")
                  .starts_with("2: messages[0].tool_calls[0].arguments: line 1"));
  EXPECT_EQ(Rendered("{{ raise_exception('only users') }}", "[]"),
            "2: t: line 1: the template refuses this input: only users");
  const auto loaded = ChatTemplate::FromSource("", "t");
  EXPECT_EQ(Shown(loaded.value().Render({.messages = base::JsonArray(), .tools = Json("{}")})),
            "2: tools: expected an array, found {}");
  EXPECT_EQ(Shown(loaded.value().Render(
                {.messages = base::JsonArray(), .extra = Json(R"({"tools": 1})").as_object()})),
            "2: the template variable \"tools\" has a field of its own and cannot be given as an "
            "extra one");
}

TEST(ChatTemplate, KnowsWhichSwitchesATemplateHas) {
  const auto loaded =
      ChatTemplate::FromSource(TestText("testdata/chat/templates/GLM-5.1.jinja"), "t");
  ASSERT_TRUE(loaded.ok());
  EXPECT_TRUE(loaded.value().Mentions("enable_thinking"));
  EXPECT_FALSE(loaded.value().Mentions("reasoning_effort"));
}

}  // namespace
}  // namespace glimmer::chat
