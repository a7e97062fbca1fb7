#include "data/decoders.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <limits>

#include "base/check.h"

namespace glimmer::data {
namespace {

// 15 bits of window, the most there is; 16 more says: gzip's header, nothing else.
constexpr int kGzipWindowBits = 15 + 16;

}  // namespace

void GzipDecoder::Free::operator()(z_stream_s* stream) const {
  ::inflateEnd(stream);
  delete stream;
}

base::Result<GzipDecoder> GzipDecoder::Create() {
  auto stream = std::make_unique<z_stream>();
  if (::inflateInit2(stream.get(), kGzipWindowBits) != Z_OK) {
    return base::Exhausted("no memory to decompress gzip data");
  }
  return GzipDecoder(stream.release());
}

base::Result<DecodeStep> GzipDecoder::Decode(std::span<const std::byte> in,
                                             std::span<std::byte> out) {
  GLIMMER_CHECK(in.size() <= std::numeric_limits<uInt>::max());
  GLIMMER_CHECK(out.size() <= std::numeric_limits<uInt>::max());
  if (between_streams_ && in.empty()) return DecodeStep{};
  if (between_streams_) ::inflateReset(stream_.get());
  between_streams_ = false;
  // zlib does not write to its input; its type has no const for old compilers.
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
  stream_->avail_in = static_cast<uInt>(in.size());
  stream_->next_out = reinterpret_cast<Bytef*>(out.data());
  stream_->avail_out = static_cast<uInt>(out.size());
  const int code = ::inflate(stream_.get(), Z_NO_FLUSH);
  if (code == Z_MEM_ERROR) return base::Exhausted("no memory to decompress gzip data");
  if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
    return base::Corrupt(stream_->msg == nullptr ? "damaged data" : stream_->msg);
  }
  between_streams_ = code == Z_STREAM_END;
  return DecodeStep{in.size() - stream_->avail_in, out.size() - stream_->avail_out};
}

void ZstdDecoder::Free::operator()(ZSTD_DCtx_s* context) const { ::ZSTD_freeDCtx(context); }

base::Result<ZstdDecoder> ZstdDecoder::Create() {
  ZSTD_DCtx* context = ::ZSTD_createDCtx();
  if (context == nullptr) return base::Exhausted("no memory to decompress Zstandard data");
  ::ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, kMaxZstdWindowLog);
  return ZstdDecoder(context);
}

base::Result<DecodeStep> ZstdDecoder::Decode(std::span<const std::byte> in,
                                             std::span<std::byte> out) {
  if (between_streams_ && in.empty()) return DecodeStep{};
  ZSTD_inBuffer input{in.data(), in.size(), 0};
  ZSTD_outBuffer output{out.data(), out.size(), 0};
  const size_t left = ::ZSTD_decompressStream(context_.get(), &output, &input);
  if (::ZSTD_isError(left)) {
    const ZSTD_ErrorCode code = ::ZSTD_getErrorCode(left);
    if (code == ZSTD_error_frameParameter_windowTooLarge) {
      return base::Exhausted(
          fmt::format("needs a window of more than {} MiB; compress it without "
                      "--long or with --long={}",
                      (1 << kMaxZstdWindowLog) >> 20, kMaxZstdWindowLog));
    }
    if (code == ZSTD_error_memory_allocation) return base::Exhausted("no memory for its window");
    return base::Corrupt(::ZSTD_getErrorName(left));
  }
  // 0 says that a frame is complete; asked again without input, it says what a next one would need.
  if (input.pos > 0 || output.pos > 0) between_streams_ = left == 0;
  return DecodeStep{input.pos, output.pos};
}

}  // namespace glimmer::data
