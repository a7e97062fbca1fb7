// Decompression in steps: gzip (RFC 1952, zlib) and Zstandard (RFC 8878, libzstd), each as a run of
// streams that follow one another, as `cat a.gz b.gz` and `pigz` make them. Private to data/.
// Threads: one thread for a decoder.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"

struct z_stream_s;
struct ZSTD_DCtx_s;

namespace glimmer::data {

// Zstandard frames may ask for a window of this many bytes: `zstd --long=27`, its own default
// limit.
constexpr int kMaxZstdWindowLog = 27;

struct DecodeStep {
  size_t used = 0;  // bytes of the input
  size_t made = 0;  // bytes of the output
};

class GzipDecoder {
 public:
  static constexpr std::string_view kName = "gzip";
  static base::Result<GzipDecoder> Create();

  // Takes what it can of `in` and fills what it can of `out`. A step that does neither needs more
  // input. Errors: kCorrupt with zlib's reason alone; kExhausted.
  base::Result<DecodeStep> Decode(std::span<const std::byte> in, std::span<std::byte> out);
  // Whether the data may end here.
  bool between_streams() const { return between_streams_; }

 private:
  struct Free {
    void operator()(z_stream_s* stream) const;
  };
  explicit GzipDecoder(z_stream_s* stream) : stream_(stream) {}

  std::unique_ptr<z_stream_s, Free> stream_;
  bool between_streams_ = true;
};

class ZstdDecoder {
 public:
  static constexpr std::string_view kName = "Zstandard";
  static base::Result<ZstdDecoder> Create();

  // As GzipDecoder::Decode. Errors: also kExhausted for a frame beyond kMaxZstdWindowLog.
  base::Result<DecodeStep> Decode(std::span<const std::byte> in, std::span<std::byte> out);
  bool between_streams() const { return between_streams_; }

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  explicit ZstdDecoder(ZSTD_DCtx_s* context) : context_(context) {}

  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
  bool between_streams_ = true;
};

}  // namespace glimmer::data
