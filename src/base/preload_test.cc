#include "base/preload.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fake_root.h"

namespace glimmer::base {
namespace {

constexpr uint64_t kMib = 1 << 20;

// A file of so many zeros that takes no disk space, mapped.
MappedFile MapZeros(const FakeRoot& root, const std::string& name, uint64_t size_bytes) {
  const Result<File> file = File::Create(root.path() + name);
  EXPECT_TRUE(file.ok());
  EXPECT_EQ(::truncate((root.path() + name).c_str(), static_cast<off_t>(size_bytes)), 0);
  Result<MappedFile> mapped = MappedFile::Map(file.value());
  EXPECT_TRUE(mapped.ok());
  return std::move(mapped).value();
}

size_t PagesInMemory(const MappedFile& file) {
  std::vector<unsigned char> pages(file.bytes().size() / static_cast<size_t>(::getpagesize()) + 1);
  auto* data = const_cast<std::byte*>(file.bytes().data());
  EXPECT_EQ(::mincore(data, file.bytes().size(), pages.data()), 0);
  size_t count = 0;
  for (const unsigned char page : pages) count += page & 1;
  return count;
}

TEST(Preload, BringsEveryPageOfEveryFileIntoMemory) {
  const FakeRoot root;
  std::vector<MappedFile> files;
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, 9 * kMib + 5, 4 * kMib}) {
    files.push_back(MapZeros(root, "/" + std::to_string(size), size));
  }
  EXPECT_EQ(PagesInMemory(files[2]), 0u);
  std::atomic<uint64_t> done{0};
  EXPECT_TRUE(Preload(files, 3, done, CancelFlag()).ok());
  EXPECT_EQ(done, 13 * kMib + 6);
  const auto page = static_cast<uint64_t>(::getpagesize());
  EXPECT_EQ(PagesInMemory(files[2]), 9 * kMib / page + 1);
  EXPECT_EQ(PagesInMemory(files[3]), 4 * kMib / page);
}

TEST(Preload, AFileCutShortIsAnError) {
  const FakeRoot root;
  std::vector<MappedFile> files;
  files.push_back(MapZeros(root, "/file", 16 * kMib));
  ASSERT_EQ(::truncate((root.path() + "/file").c_str(), 5 * kMib), 0);
  std::atomic<uint64_t> done{0};
  const Status status = Preload(files, 2, done, CancelFlag());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kIo);
  EXPECT_NE(status.error().message.find("/file\": became shorter"), std::string::npos);
}

TEST(Preload, StopsWhenAsked) {
  const FakeRoot root;
  std::vector<MappedFile> files;
  files.push_back(MapZeros(root, "/file", 64 * kMib));
  CancelFlag cancel;
  cancel.Set();
  std::atomic<uint64_t> done{0};
  const Status status = Preload(files, 2, done, cancel);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(done, 0u);
}

}  // namespace
}  // namespace glimmer::base
