// The tables of rules and the page that explains them to users.
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

#include "base/file.h"
#include "check/engine.h"

namespace glimmer::check {
namespace {

// Rule id -> whether the page marks it as verified.
std::map<std::string, bool> DocumentedRules() {
  const auto page = base::ReadTextFile(GLIMMER_SOURCE_DIR "/docs/engines.md", 1'000'000);
  EXPECT_TRUE(page.ok());
  std::map<std::string, bool> rules;
  const std::regex row(R"(\| ([VSTG][0-9]{2}) \| .* \| (yes|no) \|)");
  const std::string& text = page.value();
  for (std::sregex_iterator match(text.begin(), text.end(), row), end; match != end; ++match) {
    rules[(*match)[1]] = (*match)[2] == "yes";
  }
  return rules;
}

TEST(Rules, ThePageListsEachWithItsMark) {
  const std::map<std::string, bool> documented = DocumentedRules();
  std::set<std::string> known;
  for (const Engine engine : kEngines) {
    for (const Rule& rule : RulesOf(engine)) {
      known.insert(rule.id);
      ASSERT_TRUE(documented.contains(rule.id)) << rule.id;
      EXPECT_EQ(documented.at(rule.id), rule.verified) << rule.id;
    }
  }
  EXPECT_EQ(documented.size(), known.size());
}

TEST(Rules, EachSaysWhatHappensAndWhatToDo) {
  for (const Engine engine : kEngines) {
    std::set<std::pair<std::string, Severity>> rows;
    for (const Rule& rule : RulesOf(engine)) {
      EXPECT_TRUE(rows.insert({rule.id, rule.severity}).second) << rule.id << " stands twice";
      EXPECT_STRNE(rule.sentence, "") << rule.id;
      EXPECT_EQ(rule.verified, engine != Engine::kTensorrtLlm) << rule.id;
    }
  }
}

TEST(Findings, KeepTheFirstCasesAndCountAll) {
  Findings findings;
  const Rule& rule = RulesOf(Engine::kVllm)[0];
  for (size_t i = 0; i < kCasesKept + 5; ++i) findings.Add(rule, std::to_string(i), "found");
  ASSERT_EQ(findings.list().size(), 1u);
  EXPECT_EQ(findings.list()[0].cases.size(), kCasesKept);
  EXPECT_EQ(findings.list()[0].count, kCasesKept + 5);
  EXPECT_TRUE(findings.Has(rule.id));
  EXPECT_FALSE(findings.fails(false));
  EXPECT_TRUE(findings.fails(true));
}

}  // namespace
}  // namespace glimmer::check
