#include "calib/row_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "calib/hidden_states.h"
#include "tensor/bf16.h"

namespace glimmer::calib {
namespace {

class CalibFolder : public ::testing::Test {
 protected:
  CalibFolder() { std::filesystem::create_directories(folder_); }
  ~CalibFolder() override { std::filesystem::remove_all(folder_); }

  const std::string folder_ = ::testing::TempDir() + "/glimmer_calib_" + std::to_string(::getpid());
};

using RowFiles = CalibFolder;
using HiddenStatesTest = CalibFolder;

tensor::OwnedMatrix Counting(size_t rows, size_t cols, float first) {
  tensor::OwnedMatrix m(rows, cols);
  for (float& value : m.elements()) value = first += 0.37f;
  return m;
}

TEST_F(RowFiles, GiveBackWhatWasWrittenRoundedWhereTheyHoldBf16) {
  for (const RowElement element : {RowElement::kF32, RowElement::kBf16}) {
    const auto file = RowFile::Create(folder_ + "/rows", 5, 9000, element);
    ASSERT_TRUE(file.ok()) << file.error().message;
    const tensor::OwnedMatrix rows = Counting(3, 9000, 0.1f), back(1, 9000);
    ASSERT_TRUE(file.value().Write(1, rows).ok());
    ASSERT_TRUE(file.value().Read(2, back).ok());
    for (size_t i = 0; i < 9000; ++i) {
      const float wrote = rows.row(1)[i];
      const float expected =
          element == RowElement::kF32 ? wrote : tensor::Bf16ToF32(tensor::F32ToBf16(wrote));
      ASSERT_EQ(back.row(0)[i], expected) << i;
    }
  }
}

TEST_F(RowFiles, OpenRefusesAnotherSize) {
  ASSERT_TRUE(RowFile::Create(folder_ + "/rows", 5, 8, RowElement::kF32).ok());
  EXPECT_TRUE(RowFile::Open(folder_ + "/rows", 5, 8, RowElement::kF32).ok());
  const auto other = RowFile::Open(folder_ + "/rows", 6, 8, RowElement::kF32);
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.error().message.find("expected 192 bytes, found 160"), std::string::npos);
}

TEST_F(HiddenStatesTest, WhatIsKeptSurvivesLayersThatAreNot) {
  auto states = HiddenStates::Open(folder_, 4, 8, RowElement::kF32, std::nullopt);
  ASSERT_TRUE(states.ok()) << states.error().message;
  HiddenStates& s = states.value();
  const tensor::OwnedMatrix kept = Counting(4, 8, 1), later = Counting(4, 8, 50), back(4, 8);
  ASSERT_TRUE(s.behind().Write(0, kept).ok());
  ASSERT_TRUE(s.Advance(true).ok());
  for (int layer = 0; layer < 3; ++layer) {
    ASSERT_TRUE(s.behind().Write(0, later).ok());
    ASSERT_TRUE(s.Advance(false).ok());
  }
  const auto again = HiddenStates::Open(folder_, 4, 8, RowElement::kF32, s.kept());
  ASSERT_TRUE(again.ok()) << again.error().message;
  ASSERT_TRUE(again.value().before().Read(0, back).ok());
  EXPECT_TRUE(std::equal(kept.elements().begin(), kept.elements().end(), back.elements().begin()));
}

TEST_F(HiddenStatesTest, RoutedRowsAreZeroUntilWritten) {
  auto states = HiddenStates::Open(folder_, 2, 3, RowElement::kBf16, std::nullopt);
  ASSERT_TRUE(states.ok());
  const tensor::OwnedMatrix row = Counting(1, 3, 7), back(2, 3);
  ASSERT_TRUE(states.value().WriteRouted(1, row).ok());
  ASSERT_TRUE(states.value().ReadRouted(0, back).ok());
  EXPECT_EQ(back.row(0)[2], 0.0f);
  EXPECT_EQ(back.row(1)[2], row.row(0)[2]);
  ASSERT_TRUE(states.value().Advance(true).ok());
  ASSERT_TRUE(states.value().ReadRouted(0, back).ok());
  EXPECT_EQ(back.row(1)[2], 0.0f);
}

}  // namespace
}  // namespace glimmer::calib
