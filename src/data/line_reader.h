// The lines of a text, of bounded length, numbered from 1. Lines end with LF or CR LF, the last one
// also with the text; a byte order mark in front of the first is dropped. Memory: one line of at
// most kMaxLineBytes, so that no compressed file can ask for more. Threads: one for a reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "data/byte_stream.h"

namespace glimmer::data {

// Longer than any sample that a calibration could use: some four million tokens.
constexpr size_t kMaxLineBytes = size_t{16} << 20;

struct Line {
  uint64_t number;
  std::string_view bytes;  // without its end; of any encoding
};

class LineReader {
 public:
  explicit LineReader(ByteStream stream) : stream_(std::move(stream)) {}

  const std::string& name() const { return stream_.name(); }
  // The next line, valid until the next call; nothing at the end. Errors: those of
  // ByteStream::Next; kExhausted for a line of more than kMaxLineBytes.
  base::Result<std::optional<Line>> Next();

 private:
  Line Taken();

  ByteStream stream_;
  std::string_view piece_;  // of the stream, not yet taken
  std::string line_;
  uint64_t number_ = 0;
};

}  // namespace glimmer::data
