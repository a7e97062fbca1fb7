// Every golden vector whose tokenizer is present: ids of real encoders for the same files.
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <set>

#include "text/scanners.h"
#include "text/test_files.h"

namespace glimmer::text {
namespace {

using Ids = std::vector<TokenId>;

struct Case {
  const char* tokenizer;
  const char* kitoken;    // name in vectors/kitoken, or nullptr
  const char* llama_cpp;  // name in vectors/llama_cpp, or nullptr
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.tokenizer; }

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

Ids ParsedIds(const std::string& line) {
  Ids ids;
  for (size_t at = 0; at < line.size();) {
    TokenId id = 0;
    const auto parsed = std::from_chars(line.data() + at, line.data() + line.size(), id);
    if (parsed.ec == std::errc()) ids.push_back(id);
    at = parsed.ec == std::errc() ? static_cast<size_t>(parsed.ptr - line.data()) : at + 1;
  }
  return ids;
}

void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

// The texts of a kitoken input with one text a line.
std::vector<std::string> KitokenTexts(const std::string& file) {
  std::vector<std::string> texts;
  for (std::string line : Lines(file)) {
    while (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    ReplaceAll(line, "\\n", "\n");
    ReplaceAll(line, "\\s", " ");
    ReplaceAll(line, "\\x", "");
    texts.push_back(line);
  }
  return texts;
}

struct Vector {
  std::string text;
  Ids ids;
  std::string decoded;
};

std::vector<Vector> KitokenVectors(const std::string& set, const std::string& name) {
  const std::string folder = "vectors/kitoken/" + set;
  const std::string path = std::string(GLIMMER_SOURCE_DIR) + "/tests/testdata/" + folder;
  const std::string input = TestFile(folder + "_input.txt.gz");
  const std::string output_name = "_output_" + name + ".txt.gz";
  const bool has_output = std::ifstream(path + output_name).good();
  const std::string output = has_output ? TestFile(folder + output_name) : input;
  std::vector<Vector> vectors;
  const std::string tokens = TestFile(folder + "_tokens_" + name + ".txt.gz");
  if (set == "utf8") return {{input, ParsedIds(tokens), output}};
  std::vector<std::string> lines = Lines(tokens);
  std::erase(lines, "");
  const std::vector<std::string> texts = KitokenTexts(input), outputs = KitokenTexts(output);
  EXPECT_EQ(texts.size(), lines.size());
  EXPECT_EQ(texts.size(), outputs.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    vectors.push_back({texts[i], ParsedIds(lines[i]), outputs[i]});
  }
  return vectors;
}

std::vector<Vector> LlamaVectors(const std::string& name) {
  constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
  const std::string stem = "vectors/llama_cpp/ggml-vocab-" + name + ".gguf";
  const std::string input = TestFile(stem + ".inp.gz");
  std::vector<Vector> vectors;
  size_t at = 0;
  for (const std::string& line : Lines(TestFile(stem + ".out.gz") + "\n")) {
    const size_t end = std::min(input.find(kSeparator, at), input.size());
    const std::string text = input.substr(at, end - at);
    vectors.push_back({text, ParsedIds(line), text});
    at = end + kSeparator.size();
  }
  return vectors;
}

std::string PatternOf(const std::string& name) {
  const auto lists = ScannerPatterns();
  const std::map<std::string, size_t> index = {
      {"p50k_base", 0}, {"cl100k_base", 2}, {"qwen", 3}, {"o200k_base", 4}, {"kimi_k2", 5}};
  return std::string(lists[index.at(name)][0]);
}

std::vector<AddedToken> SpecialTokensOf(const std::string& name) {
  const std::map<std::string, std::vector<std::pair<std::string, TokenId>>> known = {
      {"cl100k_base",
       {{"<|endoftext|>", 100257},
        {"<|fim_prefix|>", 100258},
        {"<|fim_middle|>", 100259},
        {"<|fim_suffix|>", 100260},
        {"<|endofprompt|>", 100276}}},
      {"o200k_base", {{"<|endoftext|>", 199999}, {"<|endofprompt|>", 200018}}},
      {"p50k_base", {{"<|endoftext|>", 50256}}},
      {"kimi_k2", {}},
      {"qwen", {{"<|endoftext|>", 151643}, {"<|im_start|>", 151644}, {"<|im_end|>", 151645}}}};
  std::vector<AddedToken> tokens;
  for (const auto& [content, id] : known.at(name)) {
    tokens.push_back({.id = id,
                      .content = content,
                      .special = true,
                      .lstrip = false,
                      .rstrip = false,
                      .single_word = false,
                      .normalized = false});
  }
  return tokens;
}

Tokenizer MakeTokenizer(const std::string& name) {
  const std::set<std::string> tiktoken = {"p50k_base", "cl100k_base", "qwen", "o200k_base",
                                          "kimi_k2"};
  if (!tiktoken.contains(name)) return TestTokenizer(name);
  auto made = Tokenizer::FromTiktokenText(TestFile("tokenizers/" + name + ".tiktoken.gz"), name,
                                          PatternOf(name), SpecialTokensOf(name));
  EXPECT_TRUE(made.ok()) << made.error().message;
  return std::move(made).value();
}

class Vectors : public testing::TestWithParam<Case> {};

TEST_P(Vectors, EncodeAndDecodeExactly) {
  const Case c = GetParam();
  const Tokenizer tokenizer = MakeTokenizer(c.tokenizer);
  EXPECT_EQ(tokenizer.SplitterName(), "scanner");
  std::vector<Vector> vectors;
  const auto add = [&](std::vector<Vector> more) {
    vectors.insert(vectors.end(), more.begin(), more.end());
  };
  if (c.kitoken != nullptr) {
    for (const char* set : {"small", "mixed", "utf8"}) add(KitokenVectors(set, c.kitoken));
  }
  if (c.llama_cpp != nullptr) add(LlamaVectors(c.llama_cpp));
  size_t passed = 0;
  for (const Vector& vector : vectors) {
    const Ids ids = tokenizer.Encode(vector.text).value();
    EXPECT_EQ(ids, vector.ids) << vector.text;
    const std::string decoded = tokenizer.Decode(vector.ids).value();
    EXPECT_EQ(decoded, vector.decoded);
    passed += ids == vector.ids && decoded == vector.decoded;
  }
  std::printf("%s: %zu of %zu\n", c.tokenizer, passed, vectors.size());
}

INSTANTIATE_TEST_SUITE_P(
    All, Vectors,
    testing::Values(Case{"glm46", "glm46", nullptr}, Case{"qwen3", nullptr, "qwen2"},
                    Case{"deepseek_v3", "r1", nullptr}, Case{"gptoss", "gpt_oss", nullptr},
                    Case{"gpt2", "gpt2", "gpt-2"}, Case{"gpt_neox", "gpt_neox", nullptr},
                    Case{"modernbert", "modernbert", nullptr},
                    Case{"cl100k_base", "cl100k_base", nullptr},
                    Case{"o200k_base", "o200k_base", nullptr},
                    Case{"p50k_base", "p50k_base", nullptr}, Case{"kimi_k2", "kimi_k2", nullptr},
                    Case{"qwen", nullptr, "qwen2"}),
    [](const auto& parameter) {
      return std::string(parameter.param.tokenizer) == "qwen" ? "qwen_tiktoken"
                                                              : parameter.param.tokenizer;
    });

}  // namespace
}  // namespace glimmer::text
