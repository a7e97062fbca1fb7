// Fuzzes the reading of calibration rows: any bytes are a file, compressed or not, whose lines are
// rows. Each gives a sample, a reason to skip it that prints as text, or an error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/line_reader.h"
#include "data/row.h"
#include "unicode/utf8.h"

namespace {

using glimmer::data::Line;
using glimmer::data::Row;
using glimmer::data::Turns;

constexpr uint64_t kVocab = 1000;

void Require(bool condition) {
  if (!condition) std::abort();
}

void Parse(const Line& line, Turns turns) {
  auto row = glimmer::data::ParseRow(line.bytes, {turns, kVocab});
  if (!row.ok()) {
    Require(!row.error().message.empty());
  } else if (auto* skip = std::get_if<glimmer::data::Skip>(&row.value())) {
    std::vector<glimmer::data::SkippedLines> skipped;
    AddSkip(line, std::move(*skip), skipped);
    const std::string text = Described(skipped);
    Require(glimmer::unicode::ValidPrefixBytes(text) == text.size());
  } else if (const auto* ids = std::get_if<std::vector<glimmer::text::TokenId>>(&row.value())) {
    for (const auto id : *ids) Require(id >= 0 && static_cast<uint64_t>(id) < kVocab);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  auto stream = glimmer::data::ByteStream::OfMemory("fuzz", input);
  Require(stream.ok());
  glimmer::data::LineReader reader(std::move(stream).value());
  for (int lines = 0; lines < 100; ++lines) {
    const auto line = reader.Next();
    if (!line.ok()) {
      Require(!line.error().message.empty());
      return 0;
    }
    if (!line.value()) return 0;
    Parse(*line.value(), Turns::kJoined);
    Parse(*line.value(), Turns::kTemplate);
  }
  return 0;
}
