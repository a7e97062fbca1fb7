// What a code point is: general category, White_Space, the script Han, and the word characters of
// added tokens. Unicode 16.0, the version of the Oniguruma inside PyPI `tokenizers` 0.22 and 0.23;
// all tables of this folder are by tools/make_unicode_tables.py.
// Threads: everything may be called from several threads; the tables are built on first use.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace glimmer::unicode {

constexpr uint32_t kCodePoints = 0x110000;

enum class Category : uint8_t {
  kCn,
  kCc,
  kCf,
  kCs,
  kCo,  // unassigned, control, format, surrogate, private use
  kLu,
  kLl,
  kLt,
  kLm,
  kLo,  // letters
  kMn,
  kMc,
  kMe,  // marks
  kNd,
  kNl,
  kNo,  // numbers
  kPc,
  kPd,
  kPs,
  kPe,
  kPi,
  kPf,
  kPo,  // punctuation
  kSm,
  kSc,
  kSk,
  kSo,  // symbols
  kZs,
  kZl,
  kZp,  // separators
};

constexpr uint8_t kCategoryBits = 0x1f;
constexpr uint8_t kWhiteSpaceBit = 0x20;  // White_Space: what \s means to Oniguruma
constexpr uint8_t kHanBit = 0x40;         // script Han
constexpr uint8_t kWordBit = 0x80;        // what \w means to Rust's regex crate

// kCodePoints property bytes, indexed by code point: a Category with the three bits above it.
const uint8_t* Properties();

// A set of categories, one bit each.
constexpr uint32_t CategorySet(std::initializer_list<Category> categories) {
  uint32_t set = 0;
  for (const Category category : categories) set |= 1u << static_cast<int>(category);
  return set;
}
constexpr uint32_t CategoryRange(Category first, Category last) {
  return (2u << static_cast<int>(last)) - (1u << static_cast<int>(first));
}
constexpr uint32_t kLetters = CategoryRange(Category::kLu, Category::kLo);
constexpr uint32_t kMarks = CategoryRange(Category::kMn, Category::kMe);
constexpr uint32_t kNumbers = CategoryRange(Category::kNd, Category::kNo);
constexpr uint32_t kPunctuation = CategoryRange(Category::kPc, Category::kPo);
constexpr uint32_t kSymbols = CategoryRange(Category::kSm, Category::kSo);

constexpr bool IsIn(uint32_t category_set, uint8_t property) {
  return ((category_set >> (property & kCategoryBits)) & 1) != 0;
}

// True when a code point has another category in Unicode 16.0 than in the Unicode 14.0 that
// PCRE2 10.42 knows.
bool ChangedSinceUnicode14(uint32_t code_point);

}  // namespace glimmer::unicode
