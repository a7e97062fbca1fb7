// What Python's str methods know about code points, as generated tables (make_unicode_tables.py).
// All tables are sorted by their first member and do not overlap.
#pragma once

#include <cstddef>
#include <cstdint>

namespace glimmer::chat::jinja {

// first, first + stride, ... last.
struct PointRange {
  uint32_t first;
  uint32_t last;
  uint32_t stride;
};
// Every point of the range maps to itself plus delta.
struct CaseRange {
  uint32_t first;
  uint32_t last;
  uint32_t stride;
  int32_t delta;
};
// A point that maps to several, as UTF-8.
struct CaseText {
  uint32_t point;
  const char* text;
};

extern const PointRange kAlphabetic[];
extern const size_t kAlphabeticCount;
extern const PointRange kDigits[];
extern const size_t kDigitsCount;
extern const PointRange kNumeric[];
extern const size_t kNumericCount;
extern const PointRange kPrintable[];
extern const size_t kPrintableCount;
extern const PointRange kLowercase[];
extern const size_t kLowercaseCount;
extern const PointRange kUppercase[];
extern const size_t kUppercaseCount;
extern const PointRange kTitlecase[];
extern const size_t kTitlecaseCount;

extern const CaseRange kToLower[];
extern const size_t kToLowerCount;
extern const CaseRange kToUpper[];
extern const size_t kToUpperCount;
// Only where title case differs from upper case.
extern const CaseRange kToTitle[];
extern const size_t kToTitleCount;
extern const CaseText kLowerTexts[];
extern const size_t kLowerTextsCount;
extern const CaseText kUpperTexts[];
extern const size_t kUpperTextsCount;
extern const CaseText kTitleTexts[];
extern const size_t kTitleTextsCount;

}  // namespace glimmer::chat::jinja
