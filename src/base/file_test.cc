#include "base/file.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <new>
#include <thread>

#include "base/hash.h"
#include "base/parallel.h"
#include "base/test_folder.h"

namespace glimmer::base {
namespace {

class FileTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_ / name; }

 private:
  TestFolder folder_;
};

TEST_F(FileTest, WritesWholeFilesAtomically) {
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "hello").ok());
  EXPECT_EQ(ReadTextFile(Path("a"), 5).value(), "hello");
  EXPECT_FALSE(FileExists(PartialPath(Path("a"))));
  EXPECT_EQ(ReadTextFile(Path("a"), 4).error().kind, ErrorKind::kExhausted);
}

TEST_F(FileTest, ReadingPastTheEndIsCorrupt) {
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "hello").ok());
  const auto file = File::OpenForReading(Path("a"));
  ASSERT_TRUE(file.ok());
  std::byte bytes[4];
  EXPECT_TRUE(file.value().ReadAt(bytes, 1).ok());
  const Status status = file.value().ReadAt(bytes, 2);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kCorrupt);
}

TEST_F(FileTest, NamesWhatIsMissingOrAFolder) {
  EXPECT_EQ(File::OpenForReading(Path("none")).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(File::OpenForReading(Path("")).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(File::OpenForReading("/dev/null").error().kind, ErrorKind::kInvalid);
}

TEST_F(FileTest, LocksOutASecondWriter) {
  const auto first = File::OpenLockedForAppending(Path("journal"));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(File::OpenLockedForAppending(Path("journal")).error().kind, ErrorKind::kInvalid);
}

TEST_F(FileTest, AFullDiskIsExhausted) {
  const auto full = File::Create("/dev/full");
  ASSERT_TRUE(full.ok());
  EXPECT_EQ(full.value().Append("x").error().kind, ErrorKind::kExhausted);
}

TEST(Hasher, IsXxh3AndIndependentOfTheCuts) {
  EXPECT_EQ(HashOf(""), "99aa06d3014798d86001c324468d497f");  // the algorithm's published value
  Hasher hasher;
  hasher.Add("ab");
  hasher.Add("c");
  EXPECT_EQ(hasher.Hex(), HashOf("abc"));
}

TEST(RunJobs, RunsEachOnceAndStopsAtTheFirstError) {
  std::vector<std::atomic<int>> runs(1000);
  ASSERT_TRUE(RunJobs(1000, 4, [&](size_t i, size_t) { return ++runs[i], Status(); }).ok());
  for (const auto& count : runs) EXPECT_EQ(count, 1);

  for (const size_t workers : {1u, 4u}) {
    std::atomic<int> started{0};
    const Status status = RunJobs(1000, workers, [&](size_t i, size_t) -> Status {
      ++started;
      if (i < 5) return {};
      return Invalid("five");
    });
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().message, "five");
    // Whoever is held up, a worker that saw an error begins nothing more.
    EXPECT_GE(started, 6);
    EXPECT_LE(started, 5 + workers);
  }
}

TEST(RunJobs, AnExceptionOfTheCallersJobStopsTheOthers) {
  std::atomic<bool> thrown{false};
  std::atomic<int> started{0};
  const auto job = [&](size_t, size_t worker) -> Status {
    ++started;
    if (worker == 0) {
      thrown = true;
      throw std::bad_alloc();
    }
    while (!thrown) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return {};
  };
  EXPECT_THROW(static_cast<void>(RunJobs(1000, 2, job)), std::bad_alloc);
  EXPECT_LT(started, 1000);
}

}  // namespace
}  // namespace glimmer::base
