// Which linears become NVFP4: a short list of patterns, from a built-in recipe or a user's YAML.
//
//   description: one line about it
//   kv_cache: fp8_cast | none        # what the checkpoint announces; a cast needs no tensors
//   linears:                         # the last rule whose pattern matches a module decides
//     - {modules: "*", format: nvfp4}
//     - {modules: lm_head, format: bf16, why: the reason that `plan` prints}
//
// Patterns match whole module names ("model.layers.3.self_attn.o_proj"); '*' is any run of
// characters, '?' one. MTP layers are always kept as they are. Everything unknown is an error.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace glimmer::quant {

enum class LinearFormat { kBf16, kNvfp4 };
enum class KvCacheFormat { kNone, kFp8Cast };

struct RecipeRule {
  std::string modules;  // pattern
  LinearFormat format;
  std::string why;
};

struct Recipe {
  std::string name;  // built-in name, or the file's name without ending
  std::string description;
  KvCacheFormat kv_cache = KvCacheFormat::kNone;
  std::vector<RecipeRule> rules;
  std::string text;  // the YAML it came from

  // The rule that decides about this module, or nullptr: a module that no rule matches stays BF16.
  const RecipeRule* Decide(std::string_view module) const;
};

constexpr uint64_t kMaxRecipeBytes = 1'000'000;
inline constexpr char kDefaultRecipe[] = "nvfp4";

std::vector<Recipe> BuiltinRecipes();
// A built-in name, or else a path. Errors: kNotFound, listing the built-in names; kInvalid with
// the line of what is wrong.
base::Result<Recipe> LoadRecipe(const std::string& name_or_path);
base::Result<Recipe> ParseRecipe(const std::string& text, const std::string& name,
                                 const std::string& source);
// A recipe that quantizes nothing.
Recipe KeepEverything();

}  // namespace glimmer::quant
