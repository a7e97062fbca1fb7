#include "quant/convert.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "base/test_folder.h"
#include "quant/journal.h"

namespace glimmer::quant {
namespace {

class ConvertTest : public ::testing::Test {
 protected:
  ConvertTest() {
    auto json = base::ReadJsonObject(
        std::string(GLIMMER_SOURCE_DIR) + "/models/reference/config.json", 1'000'000);
    config_ = model::ParseConfig(json.value(), "config.json").value();
  }

  Plan MakePlanFor(const std::string& recipe, uint64_t max_shard_bytes) const {
    return MakePlan(config_, model::ListTensors(config_), LoadRecipe(recipe).value(),
                    {.max_shard_bytes = max_shard_bytes})
        .value();
  }

  base::Result<ConvertSummary> Run(const Plan& plan, const WeightSource& source,
                                   const std::string& name, size_t workers, bool resume = false) {
    Progress progress;
    auto summary = Convert(plan, source, {}, folder_ / name, {{"name", name}},
                           {.workers = workers, .resume = resume}, cancel_, progress);
    if (summary.ok() && !summary.value().was_complete) {
      EXPECT_EQ(progress.source_bytes_done, plan.totals.bytes_source);
    }
    return summary;
  }

  std::string FileText(const std::string& path) const {
    return base::ReadTextFile(folder_ / path, 100'000'000).value();
  }

  base::TestFolder folder_;
  model::Config config_;
  base::CancelFlag cancel_;
};

// Fails at the given read, as a disk does.
class FailingSource : public SyntheticSource {
 public:
  FailingSource(const std::vector<model::TensorSpec>& specs, int reads)
      : SyntheticSource(specs, 1), reads_left_(reads) {}
  base::Status ReadBytes(size_t index, uint64_t offset, std::span<std::byte> out) const override {
    if (reads_left_-- <= 0) return base::IoError("the disk failed");
    return SyntheticSource::ReadBytes(index, offset, out);
  }

 private:
  mutable std::atomic<int> reads_left_;
};

TEST_F(ConvertTest, BytesDoNotDependOnTheNumberOfWorkers) {
  const Plan plan = MakePlanFor("nvfp4", 2'000'000);
  const SyntheticSource source(plan.specs, 1);
  ASSERT_TRUE(Run(plan, source, "one", 1).ok());
  ASSERT_TRUE(Run(plan, source, "four", 4).ok());
  for (const OutputFile& file : plan.files) {
    EXPECT_TRUE(FileText("one/" + file.name) == FileText("four/" + file.name)) << file.name;
    EXPECT_EQ(FileText("one/" + file.name).size(), file.file_bytes);
  }
}

TEST_F(ConvertTest, AfterAFailedReadResumeEndsInTheSameBytes) {
  const Plan plan = MakePlanFor("nvfp4-serve", 1'000'000);
  const SyntheticSource source(plan.specs, 1);
  ASSERT_TRUE(Run(plan, source, "undisturbed", 2).ok());
  size_t kept = 0;
  for (const int reads : {0, 100, 200, 200}) {
    const auto failed = Run(plan, FailingSource(plan.specs, reads), "out", 2, true);
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().message, "the disk failed");
    EXPECT_TRUE(Journal::Exists(folder_ / "out"));
    EXPECT_FALSE(base::FileExists(folder_ / "out/" + io::kIndexName));
  }
  const auto finished = Run(plan, source, "out", 2, true);
  ASSERT_TRUE(finished.ok()) << finished.error().message;
  kept += finished.value().files_kept;
  EXPECT_GT(kept, 0u);
  for (const OutputFile& file : plan.files) {
    EXPECT_TRUE(FileText("out/" + file.name) == FileText("undisturbed/" + file.name)) << file.name;
  }
  EXPECT_FALSE(Journal::Exists(folder_ / "out"));
  EXPECT_TRUE(Run(plan, source, "out", 2, true).value().was_complete);
}

TEST_F(ConvertTest, CancellingLeavesAJournal) {
  const Plan plan = MakePlanFor("nvfp4", 5'000'000);
  const SyntheticSource source(plan.specs, 1);
  cancel_.Set();
  const auto summary = Run(plan, source, "out", 2);
  ASSERT_FALSE(summary.ok());
  EXPECT_EQ(summary.error().kind, base::ErrorKind::kCancelled);
  EXPECT_TRUE(Journal::Exists(folder_ / "out"));
}

TEST_F(ConvertTest, SyntheticBytesDoNotDependOnHowTheyAreRead) {
  const std::vector<model::TensorSpec> specs = model::ListTensors(config_);
  const SyntheticSource source(specs, 7), other_seed(specs, 8);
  std::vector<std::byte> whole(100'000), part(100'000), other(100'000);
  ASSERT_TRUE(source.ReadBytes(0, 0, whole).ok());
  for (size_t at = 0; at < part.size(); at += 7001) {
    const size_t count = std::min<size_t>(7001, part.size() - at);
    ASSERT_TRUE(source.ReadBytes(0, at, std::span(part).subspan(at, count)).ok());
  }
  EXPECT_TRUE(whole == part);
  ASSERT_TRUE(other_seed.ReadBytes(0, 0, other).ok());
  EXPECT_FALSE(whole == other);
}

// Flips every bit of a journal in turn: what is left says less, or that it is damaged, never other.
TEST(Journal, ADamagedLineSaysNothing) {
  const base::TestFolder temporary;
  const std::string& folder = temporary.path();
  const base::JsonObject settings = {{"recipe", "a"}};
  const TensorFacts facts = {{{7, {0.1, 1.0 / 3}}}, {{7, "s"}}};
  {
    auto journal = Journal::Open(folder, settings);
    ASSERT_TRUE(journal.value().Record("one", {"d1", "s1"}, {}).ok());
    ASSERT_TRUE(journal.value().RecordTensors("two", {{7, "h"}}, facts).ok());
  }
  const std::string path = folder + "/" + kJournalName;
  const std::string whole = base::ReadTextFile(path, 10'000).value();
  size_t refused = 0;
  for (size_t byte = 0; byte < whole.size(); ++byte) {
    std::string flipped = whole;
    flipped[byte] = static_cast<char>(flipped[byte] ^ 4);
    ASSERT_TRUE(base::WriteFileAtomically(path, flipped).ok());
    const auto journal = Journal::Open(folder, settings);
    if (!journal.ok()) {
      ++refused;
      EXPECT_EQ(journal.error().kind, base::ErrorKind::kCorrupt) << journal.error().message;
      EXPECT_LE(byte, whole.find('\n')) << journal.error().message;
      continue;
    }
    const std::string digest = journal.value().HashesOf("one").digest;
    EXPECT_TRUE(digest == "d1" || digest.empty()) << digest;
    const TensorFacts found = journal.value().FactsOf("two");
    EXPECT_TRUE(found == facts || found == TensorFacts()) << byte;
    EXPECT_EQ(found.errors.size(), journal.value().TensorsOf("two").size());
  }
  EXPECT_EQ(refused, whole.find('\n') + 1);  // of the settings, line break included
}

TEST(Journal, ForgivesALineThatAKillCutShort) {
  const TensorFacts facts = {{{7, {0.1, 1.0 / 3}}}, {{7, "s"}}};
  const base::TestFolder temporary;
  const std::string& folder = temporary.path();
  const base::JsonObject settings = {{"recipe", "a"}};
  {
    auto journal = Journal::Open(folder, settings);
    ASSERT_TRUE(journal.ok());
    ASSERT_TRUE(journal.value().Record("one", {"d1", "s1"}, {}).ok());
  }
  {
    const auto file = base::File::OpenLockedForAppending(folder + "/" + kJournalName);
    ASSERT_TRUE(file.value().Append("{\"file\": \"two\", \"dig").ok());
  }
  {
    auto journal = Journal::Open(folder, settings);
    ASSERT_TRUE(journal.ok()) << journal.error().message;
    EXPECT_EQ(journal.value().HashesOf("one").digest, "d1");
    EXPECT_EQ(journal.value().HashesOf("two").digest, "");
    ASSERT_TRUE(journal.value().Record("three", {"d3", ""}, {}).ok());
    ASSERT_TRUE(journal.value().RecordTensors("four", {{7, "h"}}, facts).ok());
  }
  EXPECT_EQ(Journal::Open(folder, settings).value().HashesOf("three").digest, "d3");
  EXPECT_EQ(Journal::Open(folder, settings).value().HashesOf("one").sha256, "s1");
  EXPECT_EQ(Journal::Open(folder, settings).value().FactsOf("four"), facts);  // every bit
  EXPECT_EQ(Journal::Open(folder, settings).value().FactsOf("one"), TensorFacts());
  const auto changed = Journal::Open(folder, {{"recipe", "b"}});
  ASSERT_FALSE(changed.ok());
  EXPECT_EQ(changed.error().message,
            "cannot resume: recipe has changed: it was \"a\", now it is \"b\"");
}

}  // namespace
}  // namespace glimmer::quant
