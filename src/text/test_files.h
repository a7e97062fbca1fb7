// Files of tests/testdata and tokenizers made from them. For tests only.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"

namespace glimmer::text {

// The content of a gzipped file, or of a plain one.
inline std::string Gunzipped(const std::string& path) {
  std::string content;
  gzFile file = gzopen(path.c_str(), "rb");
  EXPECT_NE(file, nullptr) << path;
  if (file == nullptr) return content;
  std::array<char, 1 << 16> block;
  for (int n = 0; (n = gzread(file, block.data(), block.size())) > 0;)
    content.append(block.data(), n);
  EXPECT_EQ(gzclose(file), Z_OK) << path;
  return content;
}

inline std::string TestFile(const std::string& name) {
  return Gunzipped(std::string(GLIMMER_SOURCE_DIR) + "/tests/testdata/" + name);
}

inline Tokenizer TokenizerOfJson(const std::string& json, Scanning scanning) {
  auto parts = ReadTokenizerJson(json, "tokenizer.json");
  EXPECT_TRUE(parts.ok()) << (parts.ok() ? "" : parts.error().message);
  parts.value().scanning = scanning;
  auto made = TokenizerBuilder::Build(std::move(parts).value(), "tokenizer.json");
  EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
  return std::move(made).value();
}

inline Tokenizer TestTokenizer(const std::string& name,
                               Scanning scanning = Scanning::kScannersWhereKnown) {
  return TokenizerOfJson(TestFile("tokenizers/" + name + ".tokenizer.json.gz"), scanning);
}

}  // namespace glimmer::text
