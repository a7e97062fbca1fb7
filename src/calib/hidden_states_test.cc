#include "calib/hidden_states.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/test_folder.h"

namespace glimmer::calib {
namespace {

constexpr size_t kTokens = 6, kWidth = 8;

class HiddenStatesTest : public ::testing::Test {
 protected:
  base::Result<HiddenStates> Open(const std::optional<KeptStream>& kept) const {
    return HiddenStates::Open(folder_.path(), kTokens, kWidth, RowElement::kBf16, kept);
  }

  // A layer that gives `first`, `first` + 1, …, in two pieces.
  static void RunLayer(HiddenStates& states, float first, bool keep = true) {
    const tensor::OwnedMatrix rows(kTokens, kWidth);
    for (float& x : rows.elements()) x = first++;
    ASSERT_TRUE(states.WriteResult(0, rows.view().Rows(0, 4)).ok());
    ASSERT_TRUE(states.WriteResult(4, rows.view().Rows(4, 2)).ok());
    ASSERT_TRUE(states.Advance(keep).ok());
  }

  const base::TestFolder folder_;
};

TEST_F(HiddenStatesTest, TakeNoMoreDiskThanTheySay) {
  model::Config config;
  config.hidden_size = kWidth;
  for (const model::IndexerKind third : {model::IndexerKind::kFull, model::IndexerKind::kShared}) {
    config.indexer_types = {model::IndexerKind::kFull, model::IndexerKind::kFull, third};
    const base::TestFolder folder;
    auto states = HiddenStates::Open(folder.path(), kTokens, kWidth, RowElement::kBf16, {});
    ASSERT_TRUE(states.ok()) << states.error().message;
    RunLayer(states.value(), 0, true);
    RunLayer(states.value(), 1, third == model::IndexerKind::kFull);
    RunLayer(states.value(), 2, true);
    uint64_t taken = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
      taken += file.file_size();
    }
    EXPECT_EQ(taken, HiddenStates::DiskBytes(config, kTokens, RowElement::kBf16));
  }
}

tensor::OwnedMatrix Counting(size_t rows, size_t cols, float first) {
  tensor::OwnedMatrix m(rows, cols);
  for (float& value : m.elements()) value = first += 0.37f;
  return m;
}

TEST_F(HiddenStatesTest, TheStreamIsFoundAgain) {
  KeptStream kept;
  {
    auto states = Open({});
    ASSERT_TRUE(states.ok());
    RunLayer(states.value(), 10);
    kept = *states.value().kept();
  }
  const auto states = Open(kept);
  ASSERT_TRUE(states.ok()) << states.error().message;
  EXPECT_EQ(states.value().kept(), kept);
  const tensor::OwnedMatrix row(1, kWidth);
  ASSERT_TRUE(states.value().before().Read(1, row).ok());
  EXPECT_EQ(row.elements()[0], 10 + kWidth);
}

// The same file takes the stream behind another layer later on.
TEST_F(HiddenStatesTest, AStreamBehindAnotherLayerIsNotTakenForIt) {
  KeptStream first;
  {
    auto states = Open({});
    ASSERT_TRUE(states.ok());
    RunLayer(states.value(), 10);
    first = *states.value().kept();
    RunLayer(states.value(), 20);
    RunLayer(states.value(), 30);
    ASSERT_EQ(states.value().kept()->file, first.file);
  }
  const auto states = Open(first);
  ASSERT_FALSE(states.ok());
  EXPECT_EQ(states.error().kind, base::ErrorKind::kCorrupt);
  EXPECT_NE(states.error().message.find("expected activations with XXH3 " + first.hash),
            std::string::npos)
      << states.error().message;
}

TEST_F(HiddenStatesTest, AFlippedBitIsNoticed) {
  auto states = Open({});
  ASSERT_TRUE(states.ok());
  RunLayer(states.value(), 10);
  const KeptStream kept = *states.value().kept();
  const auto file =
      base::File::OpenForUpdating(folder_ / ("hidden_" + std::to_string(kept.file) + ".bin"));
  std::byte byte[1];
  ASSERT_TRUE(file.value().ReadAt(byte, 77).ok());
  byte[0] ^= std::byte{16};
  ASSERT_TRUE(file.value().WriteAt(byte, 77).ok());
  EXPECT_FALSE(Open(kept).ok());
}

TEST_F(HiddenStatesTest, WhatIsKeptSurvivesLayersThatAreNot) {
  auto states = HiddenStates::Open(folder_.path(), 4, 8, RowElement::kF32, std::nullopt);
  ASSERT_TRUE(states.ok()) << states.error().message;
  HiddenStates& s = states.value();
  const tensor::OwnedMatrix kept = Counting(4, 8, 1), later = Counting(4, 8, 50), back(4, 8);
  ASSERT_TRUE(s.WriteResult(0, kept).ok());
  ASSERT_TRUE(s.Advance(true).ok());
  for (int layer = 0; layer < 3; ++layer) {
    ASSERT_TRUE(s.WriteResult(0, later).ok());
    ASSERT_TRUE(s.Advance(false).ok());
  }
  const auto again = HiddenStates::Open(folder_.path(), 4, 8, RowElement::kF32, s.kept());
  ASSERT_TRUE(again.ok()) << again.error().message;
  ASSERT_TRUE(again.value().before().Read(0, back).ok());
  EXPECT_TRUE(std::equal(kept.elements().begin(), kept.elements().end(), back.elements().begin()));
}

TEST_F(HiddenStatesTest, RoutedRowsAreZeroUntilWritten) {
  auto states = HiddenStates::Open(folder_.path(), 2, 3, RowElement::kBf16, std::nullopt);
  ASSERT_TRUE(states.ok());
  const tensor::OwnedMatrix row = Counting(1, 3, 7), back(2, 3);
  ASSERT_TRUE(states.value().WriteRouted(1, row).ok());
  ASSERT_TRUE(states.value().ReadRouted(0, back).ok());
  EXPECT_EQ(back.row(0)[2], 0.0f);
  EXPECT_EQ(back.row(1)[2], row.row(0)[2]);
  ASSERT_TRUE(states.value().WriteResult(0, back).ok());
  ASSERT_TRUE(states.value().Advance(true).ok());
  ASSERT_TRUE(states.value().ReadRouted(0, back).ok());
  EXPECT_EQ(back.row(1)[2], 0.0f);
}

}  // namespace
}  // namespace glimmer::calib
