#include "calib/stats_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/test_folder.h"
#include "base/text.h"
#include "calib/memory.h"
#include "model/loaded_checkpoint.h"

namespace glimmer::calib {
namespace {

class StatsFile : public ::testing::Test {
 protected:
  StatsFile() {
    const std::string source =
        std::string(GLIMMER_SOURCE_DIR) + "/tests/golden/models/basic/source";
    auto checkpoint = model::LoadCheckpoint(source);
    EXPECT_TRUE(checkpoint.ok());
    config_ = checkpoint.value().config;
    specs_ = std::move(checkpoint.value().specs);
    uint32_t groups = 0;
    for (const model::TensorSpec& spec : specs_) groups = std::max(groups, spec.input_group + 1);
    stats_.resize(groups);
    for (uint32_t g = 0; g < groups; ++g) {
      stats_[g].amax = 0.1f * static_cast<float>(g + 1);
      stats_[g].tokens = g;
      stats_[g].routing_weight = g / 3.0;
      stats_[g].histogram[g % kHistogramBins] = 10 + g;
      stats_[g].histogram[(g + 40) % kHistogramBins] = 3;
    }
  }
  ~StatsFile() override { std::filesystem::remove(path_); }

  void WriteLayers(size_t first, size_t last, size_t layers_done) {
    auto writer = StatsWriter::Open(path_, specs_, {{"of", "a test"}}, layers_done);
    ASSERT_TRUE(writer.ok()) << writer.error().message;
    for (size_t layer = first; layer < last; ++layer) {
      ASSERT_TRUE(writer.value().AppendLayers(layer, layer + 1, stats_, {layer % 3, "h"}).ok());
    }
    if (last == config_.num_hidden_layers) {
      ASSERT_TRUE(writer.value().Finish(stats_).ok());
    }
  }

  const base::TestFolder folder_;
  const std::string path_ = folder_ / "stats.jsonl";
  model::Config config_;
  std::vector<model::TensorSpec> specs_;
  InputStats stats_;
};

TEST_F(StatsFile, GivesBackEveryFigure) {
  WriteLayers(0, config_.num_hidden_layers, 0);
  const auto stored = ReadStats(path_, specs_);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_TRUE(stored.value().complete);
  EXPECT_EQ(stored.value().settings.at("of"), "a test");
  for (const model::TensorSpec& spec : specs_) {
    if (!model::IsLinear(spec.kind) || spec.mtp) continue;
    const GroupStats &found = stored.value().stats[spec.input_group],
                     &wrote = stats_[spec.input_group];
    EXPECT_EQ(found.amax, wrote.amax) << spec.name;
    EXPECT_EQ(found.tokens, wrote.tokens) << spec.name;
    EXPECT_EQ(found.routing_weight, wrote.routing_weight) << spec.name;
    EXPECT_EQ(found.histogram, wrote.histogram) << spec.name;
  }
}

TEST_F(StatsFile, GoesOnBehindTheLastLayerThatIsDone) {
  WriteLayers(0, config_.num_hidden_layers, 0);
  const std::string whole = base::ReadTextFile(path_, 10'000'000).value();
  // A kill: the second layer's lines without their end.
  const size_t second = whole.find("\"layers_done\": 2");
  std::filesystem::resize_file(path_, second - 40);
  const auto stored = ReadStats(path_, specs_);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_FALSE(stored.value().complete);
  EXPECT_EQ(stored.value().layers_done, 1u);
  EXPECT_EQ(stored.value().hidden, (KeptStream{0, "h"}));
  WriteLayers(1, config_.num_hidden_layers, 1);
  EXPECT_EQ(base::ReadTextFile(path_, 10'000'000).value(), whole);
}

TEST_F(StatsFile, ALostLineIsMissed) {
  WriteLayers(0, config_.num_hidden_layers, 0);
  std::string text = base::ReadTextFile(path_, 10'000'000).value();
  const size_t place = text.find("layers.1.self_attn.o_proj");
  const size_t begin = text.rfind('\n', place) + 1;
  const auto number = std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(begin), '\n');
  text.erase(begin, text.find('\n', place) + 1 - begin);
  ASSERT_TRUE(base::WriteFileAtomically(path_, text).ok());
  const auto stored = ReadStats(path_, specs_);
  ASSERT_FALSE(stored.ok());
  EXPECT_EQ(stored.error().kind, base::ErrorKind::kCorrupt);
  EXPECT_NE(stored.error().message.find("line " + std::to_string(number + 1) + ":"),
            std::string::npos)
      << stored.error().message;
}

TEST_F(StatsFile, EndsBeforeADamagedLineWhereThatIsAsked) {
  WriteLayers(0, config_.num_hidden_layers, 0);
  std::string text = base::ReadTextFile(path_, 10'000'000).value();
  const size_t place = text.find("\"layers_done\": 2") - 40;
  text[place] = static_cast<char>(text[place] ^ 1);
  ASSERT_TRUE(base::WriteFileAtomically(path_, text).ok());
  EXPECT_EQ(ReadStats(path_, specs_).error().kind, base::ErrorKind::kCorrupt);
  const auto stored = ReadStats(path_, specs_, DamagedLine::kEndsThere);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_TRUE(stored.value().damaged);
  EXPECT_FALSE(stored.value().complete);
  EXPECT_EQ(stored.value().layers_done, 1u);
}

TEST_F(StatsFile, MemoryThatIsNamedAsTheLeastIsEnough) {
  const CalibrationShape shape = {.tokens = 1000, .longest = 100};
  for (size_t threads = 1; threads < 40; ++threads) {
    const CalibrationMemory memory = MemoryOf(config_, specs_, shape, threads);
    const auto refused = BatchTokensFor(memory, shape, 1000, 5000);
    ASSERT_FALSE(refused.ok());
    const std::string& message = refused.error().message;
    const size_t from = message.find("at least ") + 9;
    const auto least = base::ParseBytes(message.substr(from, message.find(" for") - from));
    ASSERT_TRUE(least.ok()) << message;
    EXPECT_TRUE(BatchTokensFor(memory, shape, least.value(), 5000).ok()) << message;
  }
}

}  // namespace
}  // namespace glimmer::calib
