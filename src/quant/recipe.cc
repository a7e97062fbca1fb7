#include "quant/recipe.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <set>

#include "base/check.h"
#include "base/embedded.h"
#include "base/file.h"
#include "base/text.h"

namespace glimmer::base {
const std::vector<EmbeddedFile>& EmbeddedRecipes();  // generated from share/recipes
}

namespace glimmer::quant {
namespace {

using base::Invalid;
using base::Quoted;
using base::Result;

base::Error At(const YAML::Node& node, const std::string& source, const std::string& problem) {
  return Invalid(fmt::format("{}: line {}: {}", source, node.Mark().line + 1, problem));
}

base::Status CheckKeysUnique(const YAML::Node& map, const std::string& source) {
  std::set<std::string> keys;
  for (const auto& member : map) {
    if (!keys.insert(member.first.Scalar()).second) {
      return At(member.first, source,
                fmt::format("the key {} stands twice", Quoted(member.first.Scalar())));
    }
  }
  return {};
}

// The scalar text of a node.
Result<std::string> Text(const YAML::Node& node, const std::string& source, const char* field) {
  if (!node.IsScalar()) return At(node, source, fmt::format("{}: expected a text", field));
  return node.Scalar();
}

// Both values of a two-word choice.
template <typename T>
Result<T> Choice(const YAML::Node& node, const std::string& source, const char* field,
                 const char* word_a, T a, const char* word_b, T b) {
  GLIMMER_ASSIGN(const std::string word, Text(node, source, field));
  if (word == word_a) return a;
  if (word == word_b) return b;
  return At(node, source,
            fmt::format("{}: expected {} or {}, found {}", field, word_a, word_b, Quoted(word)));
}

Result<RecipeRule> ParseRule(const YAML::Node& node, const std::string& source) {
  if (!node.IsMap()) return At(node, source, "linears: expected {modules: …, format: …}");
  RecipeRule rule;
  bool has_format = false;
  GLIMMER_TRY(CheckKeysUnique(node, source));
  for (const auto& member : node) {
    const std::string key = member.first.Scalar();
    if (key == "modules") {
      GLIMMER_ASSIGN(rule.modules, Text(member.second, source, "modules"));
    } else if (key == "format") {
      GLIMMER_ASSIGN(rule.format, Choice(member.second, source, "format", "nvfp4",
                                         LinearFormat::kNvfp4, "bf16", LinearFormat::kBf16));
      has_format = true;
    } else if (key == "why") {
      GLIMMER_ASSIGN(rule.why, Text(member.second, source, "why"));
    } else {
      return At(member.first, source,
                fmt::format("unknown key {}: expected modules, format or why", Quoted(key)));
    }
  }
  if (rule.modules.empty()) return At(node, source, "a rule needs modules: PATTERN");
  if (!has_format) return At(node, source, "a rule needs format: nvfp4 or bf16");
  return rule;
}

Result<Recipe> FromYaml(const YAML::Node& root, const std::string& source) {
  if (!root.IsMap()) return Invalid(source + ": expected the keys description, kv_cache, linears");
  GLIMMER_TRY(CheckKeysUnique(root, source));
  Recipe recipe;
  bool has_kv_cache = false;
  for (const auto& member : root) {
    const std::string key = member.first.Scalar();
    if (key == "description") {
      GLIMMER_ASSIGN(recipe.description, Text(member.second, source, "description"));
    } else if (key == "kv_cache") {
      GLIMMER_ASSIGN(recipe.kv_cache,
                     Choice(member.second, source, "kv_cache", "fp8_cast", KvCacheFormat::kFp8Cast,
                            "none", KvCacheFormat::kNone));
      has_kv_cache = true;
    } else if (key == "linears") {
      if (!member.second.IsSequence()) return At(member.first, source, "linears: expected a list");
      for (const YAML::Node& item : member.second) {
        GLIMMER_ASSIGN(RecipeRule rule, ParseRule(item, source));
        recipe.rules.push_back(std::move(rule));
      }
    } else {
      return At(
          member.first, source,
          fmt::format("unknown key {}: expected description, kv_cache or linears", Quoted(key)));
    }
  }
  if (!has_kv_cache) return Invalid(source + ": kv_cache is missing: expected fp8_cast or none");
  if (recipe.rules.empty())
    return Invalid(source + ": linears is missing: expected a list of rules");
  return recipe;
}

}  // namespace

const RecipeRule* Recipe::Decide(std::string_view module) const {
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    if (base::GlobMatches(rule->modules, module)) return &*rule;
  }
  return nullptr;
}

Result<Recipe> ParseRecipe(const std::string& text, const std::string& name,
                           const std::string& source) {
  try {
    GLIMMER_ASSIGN(Recipe recipe, FromYaml(YAML::Load(text), source));
    recipe.name = name;
    recipe.text = text;
    return recipe;
  } catch (const YAML::Exception& error) {
    return Invalid(
        fmt::format("{}: line {}: not YAML: {}", source, error.mark.line + 1, error.msg));
  }
}

std::vector<Recipe> BuiltinRecipes() {
  std::vector<Recipe> recipes;
  for (const base::EmbeddedFile& file : base::EmbeddedRecipes()) {
    const std::string name(file.name);
    auto recipe = ParseRecipe(std::string(file.text), name, "recipe " + name);
    GLIMMER_CHECK(recipe.ok());
    recipes.push_back(std::move(recipe).value());
  }
  return recipes;
}

Result<Recipe> LoadRecipe(const std::string& name_or_path) {
  std::string names;
  for (Recipe& recipe : BuiltinRecipes()) {
    if (recipe.name == name_or_path) return std::move(recipe);
    names += (names.empty() ? "" : ", ") + recipe.name;
  }
  if (!base::FileExists(name_or_path)) {
    return base::NotFound(fmt::format("recipe {}: neither a built-in recipe ({}) nor a file",
                                      Quoted(name_or_path), names));
  }
  GLIMMER_ASSIGN(const std::string text, base::ReadTextFile(name_or_path, kMaxRecipeBytes));
  const std::string file = base::BaseName(name_or_path);
  return ParseRecipe(text, file.substr(0, file.rfind('.')), Quoted(name_or_path));
}

Recipe KeepEverything() {
  Recipe recipe;
  recipe.name = "bf16";
  recipe.description = "every tensor as it is";
  return recipe;
}

}  // namespace glimmer::quant
