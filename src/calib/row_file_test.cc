#include "calib/row_file.h"

#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "tensor/bf16.h"

namespace glimmer::calib {
namespace {

class RowFiles : public ::testing::Test {
 protected:
  const base::TestFolder folder_;
};

tensor::OwnedMatrix Counting(size_t rows, size_t cols, float first) {
  tensor::OwnedMatrix m(rows, cols);
  for (float& value : m.elements()) value = first += 0.37f;
  return m;
}

TEST_F(RowFiles, GiveBackWhatWasWrittenRoundedWhereTheyHoldBf16) {
  for (const RowElement element : {RowElement::kF32, RowElement::kBf16}) {
    const auto file = RowFile::Create(folder_ / "rows", 5, 9000, element);
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
  ASSERT_TRUE(RowFile::Create(folder_ / "rows", 5, 8, RowElement::kF32).ok());
  EXPECT_TRUE(RowFile::Open(folder_ / "rows", 5, 8, RowElement::kF32).ok());
  const auto other = RowFile::Open(folder_ / "rows", 6, 8, RowElement::kF32);
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.error().message.find("expected 192 bytes, found 160"), std::string::npos);
}

}  // namespace
}  // namespace glimmer::calib
