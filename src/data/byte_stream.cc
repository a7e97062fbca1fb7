#include "data/byte_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "base/text.h"

namespace glimmer::data {
namespace {

using base::Result;
using base::Status;

constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr std::string_view kGzipEnding = ".gz";
constexpr std::string_view kZstdEnding = ".zst";

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::string_view WithoutCompressedEnding(std::string_view path) {
  for (const std::string_view ending : {kGzipEnding, kZstdEnding}) {
    if (path.ends_with(ending)) return path.substr(0, path.size() - ending.size());
  }
  return path;
}

ByteStream::ByteStream(std::string name, Source source, uint64_t size_bytes)
    : name_(std::move(name)),
      source_(std::move(source)),
      size_bytes_(size_bytes),
      in_(kPieceBytes) {}

Result<ByteStream> ByteStream::Open(const std::string& path) {
  GLIMMER_ASSIGN(base::File file, base::File::OpenForReading(path));
  GLIMMER_ASSIGN(const uint64_t size_bytes, file.SizeBytes());
  ByteStream stream(path, std::move(file), size_bytes);
  GLIMMER_TRY(stream.ChooseDecoder());
  return stream;
}

Result<ByteStream> ByteStream::OfMemory(const std::string& name, std::string_view content) {
  ByteStream stream(name, content, content.size());
  GLIMMER_TRY(stream.ChooseDecoder());
  return stream;
}

Status ByteStream::Refill() {
  const auto piece = std::span(in_).first(std::min<uint64_t>(in_.size(), size_bytes_ - offset_));
  in_begin_ = 0;
  in_end_ = 0;
  if (const auto* file = std::get_if<base::File>(&source_)) {
    GLIMMER_TRY(file->ReadAt(piece, offset_));
  } else if (!piece.empty()) {
    std::memcpy(piece.data(), std::get<std::string_view>(source_).data() + offset_, piece.size());
  }
  in_end_ = piece.size();
  offset_ += piece.size();
  return {};
}

Status ByteStream::ChooseDecoder() {
  GLIMMER_TRY(Refill());
  const std::string_view front = AsText(std::span(in_).first(in_end_));
  const bool gzip = front.starts_with(kGzipMagic);
  const bool zstd = front.starts_with(kZstdMagic);
  if (gzip || (!zstd && name_.ends_with(kGzipEnding))) {
    GLIMMER_ASSIGN(decoder_, GzipDecoder::Create());
  } else if (zstd || name_.ends_with(kZstdEnding)) {
    GLIMMER_ASSIGN(decoder_, ZstdDecoder::Create());
  }
  if (decoder_.index() != 0) out_.resize(kPieceBytes);
  return {};
}

template <typename AnyDecoder>
Result<std::string_view> ByteStream::NextDecoded(AnyDecoder& decoder) {
  while (true) {
    if (in_begin_ == in_end_) GLIMMER_TRY(Refill());
    const auto in = std::span(in_).subspan(in_begin_, in_end_ - in_begin_);
    auto step = decoder.Decode(in, out_);
    if (!step.ok()) {
      return std::move(step).error().In(fmt::format("{}: {} data near byte {}", base::Quoted(name_),
                                                    decoder.kName, offset_ - in.size()));
    }
    const auto [used, made] = step.value();
    in_begin_ += used;
    if (made > 0) return AsText(std::span(out_).first(made));
    if (used > 0) continue;
    if (in.empty() && decoder.between_streams()) return std::string_view();
    return base::Corrupt(fmt::format("{}: truncated: its {} data breaks off at byte {}",
                                     base::Quoted(name_), decoder.kName, size_bytes_));
  }
}

Result<std::string_view> ByteStream::Next() {
  if (auto* gzip = std::get_if<GzipDecoder>(&decoder_)) return NextDecoded(*gzip);
  if (auto* zstd = std::get_if<ZstdDecoder>(&decoder_)) return NextDecoded(*zstd);
  if (in_begin_ == in_end_) GLIMMER_TRY(Refill());
  const size_t begin = std::exchange(in_begin_, in_end_);
  return AsText(std::span(in_).subspan(begin, in_end_ - begin));
}

}  // namespace glimmer::data
