// The content of a file, first byte to last, decompressed on the way. Whether it is compressed is
// told by its first bytes (no UTF-8 text begins like gzip or Zstandard data), else by a name that
// ends in .gz or .zst. Memory: two pieces and the decompressor's window, whatever the file's size.
// Threads: one thread for a stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "data/decoders.h"

namespace glimmer::data {

constexpr size_t kPieceBytes = size_t{64} << 10;  // read, and handed out, at a time

class ByteStream {
 public:
  // Errors: kNotFound, kIo; kInvalid for what is no regular file.
  static base::Result<ByteStream> Open(const std::string& path);
  // The same of bytes in memory, which have to outlive the stream. `name` stands for the path.
  static base::Result<ByteStream> OfMemory(const std::string& name, std::string_view content);

  const std::string& name() const { return name_; }

  // The next bytes, at most kPieceBytes; none at the end. Valid until the next call.
  // Errors: kIo; kCorrupt, with the place in the file, for damaged or truncated compressed data;
  // kExhausted when decompressing would take too much memory. Reading has to stop at an error.
  base::Result<std::string_view> Next();

 private:
  using Source = std::variant<base::File, std::string_view>;
  using Decoder = std::variant<std::monostate, GzipDecoder, ZstdDecoder>;

  ByteStream(std::string name, Source source, uint64_t size_bytes);
  base::Status Refill();
  base::Status ChooseDecoder();
  template <typename AnyDecoder>
  base::Result<std::string_view> NextDecoded(AnyDecoder& decoder);

  std::string name_;
  Source source_;
  uint64_t size_bytes_;
  uint64_t offset_ = 0;               // in the source, of the next byte to read
  std::vector<std::byte> in_, out_;   // out_ only for compressed content
  size_t in_begin_ = 0, in_end_ = 0;  // what of in_ waits to be decoded
  Decoder decoder_;
};

// The name without an ending .gz or .zst.
std::string_view WithoutCompressedEnding(std::string_view path);

}  // namespace glimmer::data
