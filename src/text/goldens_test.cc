// tests/golden/tokenizer: what PyPI `tokenizers` made of random hard texts
// (tests/oracles/tokenizer_goldens.py). Streamed decoding must give the same.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "text/stream_decoder.h"
#include "text/test_files.h"

namespace glimmer::text {
namespace {

using base::JsonObject;

std::string GoldenFolder() { return std::string(GLIMMER_SOURCE_DIR) + "/tests/golden/tokenizer"; }

std::vector<std::string> GoldenNames() {
  std::vector<std::string> names;
  const std::vector<std::string> files = base::ListFolder(GoldenFolder()).value();
  for (const std::string& name : files) {
    names.push_back(name.substr(0, name.find('.')));
  }
  return names;
}

Tokenizer Changed(const std::string& name, const JsonObject& change, Scanning scanning) {
  const std::string json = TestFile("tokenizers/" + name + ".tokenizer.json.gz");
  if (change.empty()) return TokenizerOfJson(json, scanning);
  JsonObject document = base::ParseJson(json, name).value().get_object();
  for (const auto& member : change) document[member.key()] = member.value();
  return TokenizerOfJson(base::DumpJson(document, 0), scanning);
}

std::string Streamed(const Tokenizer& tokenizer, const std::vector<TokenId>& ids,
                     const DecodeOptions& options) {
  StreamDecoder decoder(tokenizer, options);
  std::string text;
  for (const TokenId id : ids) text += decoder.Push(id).value();
  return text + decoder.Finish();
}

std::vector<TokenId> IdsOf(const JsonObject& golden) {
  std::vector<TokenId> ids;
  for (const auto& id : golden.at("ids").get_array()) {
    ids.push_back(static_cast<TokenId>(id.get_int64()));
  }
  return ids;
}

void Check(const Tokenizer& tokenizer, const JsonObject& golden) {
  const std::string text(golden.at("text").get_string());
  const std::vector<TokenId> ids = IdsOf(golden);
  if (golden.contains("skip")) {
    const DecodeOptions options{.skip_special_tokens = golden.at("skip").get_bool()};
    EXPECT_EQ(tokenizer.Decode(ids, options).value(), text) << base::Shown(golden);
    EXPECT_EQ(Streamed(tokenizer, ids, options), text) << base::Shown(golden);
    return;
  }
  EncodeOptions options;
  if (golden.at("added").get_string() != "all") options.added_tokens = AddedTokens::kNotSpecial;
  options.add_special_tokens = golden.contains("template");
  EXPECT_EQ(tokenizer.Encode(text, options).value(), ids) << base::DumpJson(golden, 0);
}

class Goldens : public testing::TestWithParam<std::string> {};

TEST_P(Goldens, AreMetWithScannersAndWithRegexes) {
  const JsonObject golden =
      base::ReadJsonObject(GoldenFolder() + "/" + GetParam() + ".json", 10 << 20).value();
  const std::string name(golden.at("tokenizer").get_string());
  for (const Scanning scanning : {Scanning::kScannersWhereKnown, Scanning::kRegexOnly}) {
    const Tokenizer tokenizer = Changed(name, golden.at("change").get_object(), scanning);
    for (const auto& one : golden.at("cases").get_array()) Check(tokenizer, one.get_object());
  }
}

INSTANTIATE_TEST_SUITE_P(All, Goldens, testing::ValuesIn(GoldenNames()),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace glimmer::text
