#include "unicode/properties.h"

#include <algorithm>
#include <iterator>

#include "unicode/byte_table.h"

namespace glimmer::unicode {
namespace {

#include "unicode/properties_data.inc"

}  // namespace

const uint8_t* Properties() {
  static const std::unique_ptr<ByteTable> table = LaidOut(kPropertyRuns);
  return table->data();
}

bool ChangedSinceUnicode14(uint32_t code_point) {
  const auto* after =
      std::upper_bound(std::begin(kChangedSince14), std::end(kChangedSince14), code_point,
                       [](uint32_t wanted, const ByteRun& run) { return wanted < run.first; });
  return (after - 1)->value != 0;
}

}  // namespace glimmer::unicode
