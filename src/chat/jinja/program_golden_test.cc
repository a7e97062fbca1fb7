// Every golden of the reference implementation, to the byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "chat/chat_testing.h"
#include "chat/jinja/program.h"

namespace glimmer::chat::jinja {
namespace {

// 10 July 2025, noon in Greenwich: the day that the goldens with a date were made.
constexpr std::time_t kNow = 1752148800;

// The output, or "error: …".
std::string Rendered(const std::string& source, const base::JsonObject& variables) {
  const auto program = Program::Parse(source, "template");
  if (!program.ok()) return "error: " + program.error().message;
  const auto output = program.value().Render(variables, kNow);
  return output.ok() ? output.value() : "error: " + output.error().message;
}

// Renders each golden's template on its conversation; returns how many there were.
size_t CompareWithGoldens(const std::string& file) {
  std::map<std::string, base::JsonObject> contexts;
  const auto conversations = TestJson("testdata/chat/glm_conversations.json");
  for (const auto& conversation : conversations.as_array()) {
    contexts[StringAt(conversation, "name")] = conversation.at("context").as_object();
  }
  const auto goldens = TestJson(file);
  for (const auto& golden : goldens.as_array()) {
    const std::string name = StringAt(golden, "template");
    const std::string source = TestText("testdata/chat/templates/" + name + ".jinja");
    const std::string conversation = StringAt(golden, "name");
    const std::string output = Rendered(source, contexts.at(conversation));
    if (golden.at("expected").is_null()) {
      EXPECT_TRUE(output.starts_with("error: ")) << name << " " << conversation << "\n" << output;
    } else {
      EXPECT_EQ(output, StringAt(golden, "expected")) << name << " " << conversation;
    }
  }
  return goldens.as_array().size();
}

TEST(ProgramGolden, GlmTemplatesRenderToTheByte) {
  EXPECT_EQ(CompareWithGoldens("testdata/chat/glm_golden.json"), 144u);
}

TEST(ProgramGolden, TemplatesOfTokenizerConfigsRenderToTheByte) {
  EXPECT_EQ(CompareWithGoldens("golden/chat_templates.json"), 144u);
}

TEST(ProgramGolden, OtherModelsTemplatesRenderToTheByte) {
  const auto cases = TestJson("testdata/chat/hf_jinja_e2e_subset.json");
  EXPECT_EQ(cases.as_array().size(), 19u);
  for (const auto& entry : cases.as_array()) {
    EXPECT_EQ(Rendered(StringAt(entry, "chat_template"), entry.at("context").as_object()),
              StringAt(entry, "expected"))
        << StringAt(entry, "name");
  }
}

// tests/oracles/jinja_goldens.py made these with jinja2: variables, sources, and the output or null
// where jinja2 raises.
TEST(ProgramGolden, SmallCasesEqualJinja2) {
  size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator(TestPath("golden/jinja"))) {
    const std::string name = file.path().filename();
    const auto golden = TestJson("golden/jinja/" + name);
    const auto& variables = golden.at("variables").as_object();
    for (const auto& entry : golden.at("cases").as_array()) {
      const std::string source = StringAt(entry, "source");
      const std::string output = Rendered(source, variables);
      if (entry.at("expected").is_null()) {
        EXPECT_TRUE(output.starts_with("error: ")) << name << ": " << source << "\n" << output;
      } else {
        EXPECT_EQ(output, StringAt(entry, "expected")) << name << ": " << source;
      }
      ++count;
    }
  }
  EXPECT_GE(count, 300u);
}

}  // namespace
}  // namespace glimmer::chat::jinja
