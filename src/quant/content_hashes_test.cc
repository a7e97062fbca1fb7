#include "quant/content_hashes.h"

#include <gtest/gtest.h>

namespace glimmer::quant {
namespace {

const std::string kText = "sixteen bytes are";

std::span<const std::byte> Piece(size_t first, size_t count) {
  return std::as_bytes(std::span(kText)).subspan(first, count);
}

TEST(ContentHashes, AreThoseOfTheWholeInPiecesOfSeveralTensors) {
  ContentHashes hashes(3);
  hashes.Add(0, 0, Piece(0, 5), 17);
  hashes.Add(2, 0, Piece(3, 4), 4);
  hashes.Add(0, 5, Piece(5, 12), 17);
  EXPECT_EQ(hashes.Of(0), base::HashOf(kText));
  EXPECT_EQ(hashes.Of(1), "");
  EXPECT_EQ(hashes.Of(2), base::HashOf(kText.substr(3, 4)));
}

TEST(ContentHashes, AGapLeavesNoneAndReadingAgainOne) {
  ContentHashes hashes(1);
  hashes.Add(0, 0, Piece(0, 5), 17);
  hashes.Add(0, 6, Piece(6, 11), 17);
  EXPECT_EQ(hashes.Of(0), "");
  hashes.Add(0, 5, Piece(5, 12), 17);
  EXPECT_EQ(hashes.Of(0), "");
  hashes.Add(0, 0, Piece(0, 9), 17);
  hashes.Add(0, 0, Piece(0, 9), 17);  // cut short and begun again
  hashes.Add(0, 9, Piece(9, 8), 17);
  EXPECT_EQ(hashes.Of(0), base::HashOf(kText));
  hashes.Add(0, 0, Piece(1, 9), 17);  // known: not computed again
  EXPECT_EQ(hashes.Of(0), base::HashOf(kText));
}

}  // namespace
}  // namespace glimmer::quant
