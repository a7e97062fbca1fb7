// What modelopt's calibration loader makes of rows (tests/golden/README.md) against ours.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "data/calibration_set.h"
#include "golden/golden_files.h"

namespace glimmer {
namespace {

using base::JsonArray;
using base::JsonObject;
using base::JsonValue;
using Sequences = std::vector<std::vector<text::TokenId>>;

const std::string kModel = std::string(GLIMMER_SOURCE_DIR) + "/models/reference";

std::string JsonLines(const JsonValue& rows) {
  std::string lines;
  for (const JsonValue& row : rows.get_array()) lines += base::DumpJson(row, 0) + "\n";
  return lines;
}

Sequences IdsOf(const JsonValue& lists) {
  Sequences sequences;
  for (const JsonValue& list : lists.get_array()) {
    std::vector<text::TokenId>& ids = sequences.emplace_back();
    for (const JsonValue& id : list.get_array()) {
      ids.push_back(static_cast<text::TokenId>(id.get_int64()));
    }
  }
  return sequences;
}

TEST(CalibrationDataGoldens, ModeloptsIds) {
  const auto tokenizer = text::Tokenizer::Load(kModel + "/tokenizer.json").value();
  const auto chat_template = chat::ChatTemplate::Load(kModel).value();
  const data::ModelText model = {
      tokenizer.VocabSize(), [&] { return base::Result<const text::Tokenizer*>(&tokenizer); },
      [&] { return base::Result<const chat::ChatTemplate*>(&chat_template); }};
  const std::string path = golden::kGolden + "calibration_data.json";
  const JsonValue cases =
      base::ParseJson(base::ReadTextFile(path, 10'000'000).value(), path).value();
  for (const JsonValue& entry : cases.get_array()) {
    const JsonObject& fields = entry.get_object();
    SCOPED_TRACE(base::DumpJson(fields.at("name"), 0));
    std::vector<std::string> texts;
    for (const JsonValue& rows : fields.at("files").get_array()) texts.push_back(JsonLines(rows));
    data::DataOptions options;
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto samples = static_cast<uint64_t>(fields.at("samples").at(i).get_int64());
      options.files.push_back({std::to_string(i), samples, texts[i]});
    }
    options.seq_len = static_cast<uint64_t>(fields.at("seq_len").get_int64());
    if (fields.at("chat").get_bool()) options.turns = data::Turns::kTemplate;
    const auto set = data::ReadCalibrationSet(options, model, base::CancelFlag());
    ASSERT_TRUE(set.ok()) << set.error().message;
    EXPECT_EQ(set.value().sequences, IdsOf(fields.at("ids")));
  }
  EXPECT_EQ(cases.get_array().size(), 9u);
}

}  // namespace
}  // namespace glimmer
