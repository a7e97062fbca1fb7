#include "io/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/json.h"
#include "base/text.h"

namespace glimmer::io {
namespace {

using base::Corrupt;
using base::Error;
using base::JsonArray;
using base::JsonObject;
using base::JsonValue;
using base::Quoted;
using base::Result;
using base::Status;

static_assert(std::endian::native == std::endian::little);

// A non-negative integer of the header.
Result<uint64_t> Natural(const JsonValue& value, const std::string& what) {
  if (value.is_int64() && value.get_int64() >= 0) return static_cast<uint64_t>(value.get_int64());
  if (value.is_uint64()) return value.get_uint64();
  return Corrupt(what + ": expected a whole number that is not negative, found " +
                 base::Shown(value));
}

Result<tensor::Shape> ParseShape(const JsonValue& value) {
  if (!value.is_array()) {
    return Corrupt("shape: expected an array, found " + base::Shown(value));
  }
  tensor::Shape shape;
  for (const JsonValue& item : value.get_array()) {
    GLIMMER_ASSIGN(const uint64_t dimension, Natural(item, "shape"));
    shape.push_back(dimension);
  }
  return shape;
}

struct Offsets {
  uint64_t begin, end;
};

Result<Offsets> ParseOffsets(const JsonValue& value) {
  const JsonArray* pair = value.if_array();
  if (pair == nullptr || pair->size() != 2) {
    return Corrupt("data_offsets: expected [begin, end], found " + base::Shown(value));
  }
  GLIMMER_ASSIGN(const uint64_t begin, Natural((*pair)[0], "data_offsets"));
  GLIMMER_ASSIGN(const uint64_t end, Natural((*pair)[1], "data_offsets"));
  if (begin > end) {
    return Corrupt(fmt::format("data_offsets: begin {} lies behind end {}", begin, end));
  }
  return Offsets{begin, end};
}

Result<tensor::DType> ParseDType(const JsonValue& value) {
  if (!value.is_string()) {
    return Corrupt("dtype: expected a text, found " + base::Shown(value));
  }
  const auto dtype = tensor::DTypeFromName(std::string_view(value.get_string()));
  if (!dtype) return base::Unsupported("dtype: unknown element type " + base::Shown(value));
  return *dtype;
}

// One entry of the header; its offset is still relative to the data section.
Result<TensorInfo> ParseTensor(std::string_view name, const JsonValue& value) {
  const JsonObject* fields = value.if_object();
  const auto field = [&](const char* key) { return fields ? fields->if_contains(key) : nullptr; };
  const JsonValue *dtype = field("dtype"), *shape = field("shape"),
                  *data_offsets = field("data_offsets");
  if (!dtype || !shape || !data_offsets || fields->size() != 3) {
    return Corrupt("expected exactly dtype, shape and data_offsets, found " + base::Shown(value));
  }
  TensorInfo info;
  info.name = name;
  GLIMMER_ASSIGN(info.dtype, ParseDType(*dtype));
  GLIMMER_ASSIGN(info.shape, ParseShape(*shape));
  GLIMMER_ASSIGN(const Offsets offsets, ParseOffsets(*data_offsets));
  const auto size_bytes = tensor::SizeBytes(info.dtype, info.shape);
  if (!size_bytes) {
    return Corrupt(fmt::format("shape {} of {} is not a whole number of bytes below 2^64",
                               tensor::ToString(info.shape), tensor::Name(info.dtype)));
  }
  if (*size_bytes != offsets.end - offsets.begin) {
    return Corrupt(fmt::format("{} {} takes {} bytes, but data_offsets [{}, {}] hold {}",
                               tensor::Name(info.dtype), tensor::ToString(info.shape), *size_bytes,
                               offsets.begin, offsets.end, offsets.end - offsets.begin));
  }
  info.offset = offsets.begin;
  info.size_bytes = *size_bytes;
  return info;
}

Result<std::map<std::string, std::string>> ParseMetadata(const JsonValue& value) {
  const JsonObject* fields = value.if_object();
  if (fields == nullptr) return Corrupt("expected an object, found " + base::Shown(value));
  std::map<std::string, std::string> metadata;
  for (const auto& member : *fields) {
    if (!member.value().is_string()) {
      return Corrupt(Quoted(member.key()) + ": expected a text, found " +
                     base::Shown(member.value()));
    }
    metadata.emplace(member.key(), std::string(member.value().get_string()));
  }
  return metadata;
}

// Tensors sorted by offset must follow each other without gap or overlap up to the file's end.
Status CheckContiguous(const std::vector<TensorInfo>& tensors, uint64_t data_bytes) {
  uint64_t end = 0;
  const TensorInfo* previous = nullptr;
  for (const TensorInfo& info : tensors) {
    if (info.offset > end) {
      return Corrupt(fmt::format("tensor {}: starts at data byte {}, leaving a gap behind byte {}",
                                 Quoted(info.name), info.offset, end));
    }
    if (info.offset < end) {
      return Corrupt(fmt::format("tensor {}: data_offsets [{}, {}] overlap tensor {}",
                                 Quoted(info.name), info.offset, info.offset + info.size_bytes,
                                 Quoted(previous->name)));
    }
    end += info.size_bytes;
    previous = &info;
  }
  if (end > data_bytes) {
    return Corrupt(
        fmt::format("truncated: its tensors take {} bytes of data, found {}", end, data_bytes));
  }
  if (end < data_bytes) {
    return Corrupt(fmt::format("{} bytes of data behind the last tensor", data_bytes - end));
  }
  return {};
}

// What downloads leave in the place of weights when they went wrong. Errors: kCorrupt.
Status CheckIsNoPlaceholder(const base::File& file, uint64_t file_bytes) {
  std::string begin(std::min<uint64_t>(file_bytes, uint64_t{64}), '\0');
  GLIMMER_TRY(file.ReadAt(std::as_writable_bytes(std::span(begin)), 0));
  if (begin.starts_with("version https://git-lfs")) {
    return Corrupt(Quoted(file.path()) +
                   ": is a Git LFS pointer, not the weights: run git lfs pull in its folder");
  }
  const size_t text = begin.find_first_not_of(" \t\r\n");
  // A length field that begins so has zeros in its upper bytes.
  if (text != std::string::npos && begin[text] == '<' && begin.find('\0') == std::string::npos) {
    return Corrupt(Quoted(file.path()) +
                   ": is a web page, not the weights: the download was answered with one (a login "
                   "or an error); get the file again");
  }
  return {};
}

}  // namespace

Result<SafetensorsHeader> ParseSafetensorsHeader(std::string_view header, uint64_t file_bytes,
                                                 const std::string& source) {
  GLIMMER_ASSIGN(const JsonValue value, base::ParseJson(header, source + ": header"));
  if (!value.is_object()) {
    return Corrupt(source + ": header: expected a JSON object, found " + base::Shown(value));
  }
  SafetensorsHeader result;
  result.tensors.reserve(value.get_object().size());
  for (const auto& member : value.get_object()) {
    const std::string context = source + ": tensor " + Quoted(member.key());
    if (member.key() == "__metadata__") {
      auto metadata = ParseMetadata(member.value());
      if (!metadata.ok()) return std::move(metadata).error().In(source + ": __metadata__");
      result.metadata = std::move(metadata).value();
      continue;
    }
    if (member.key().empty()) return Corrupt(context + ": a tensor must have a name");
    auto info = ParseTensor(member.key(), member.value());
    if (!info.ok()) return std::move(info).error().In(context);
    result.tensors.push_back(std::move(info).value());
  }
  std::sort(result.tensors.begin(), result.tensors.end(), [](const auto& a, const auto& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.size_bytes < b.size_bytes;
  });
  const uint64_t data_start = kHeaderLengthBytes + header.size();
  if (file_bytes < data_start) return Corrupt(source + ": truncated inside its header");
  Status contiguous = CheckContiguous(result.tensors, file_bytes - data_start);
  if (!contiguous.ok()) return std::move(contiguous).error().In(source);
  for (TensorInfo& info : result.tensors) info.offset += data_start;
  return result;
}

Result<std::string> ReadSafetensorsHeaderText(const base::File& file) {
  const std::string source = Quoted(file.path());
  GLIMMER_ASSIGN(const uint64_t file_bytes, file.SizeBytes());
  GLIMMER_TRY(CheckIsNoPlaceholder(file, file_bytes));
  if (file_bytes < kHeaderLengthBytes) {
    return Corrupt(
        fmt::format("{}: {} bytes are too few for a safetensors file, expected at least {}", source,
                    file_bytes, kHeaderLengthBytes));
  }
  uint64_t header_bytes = 0;
  GLIMMER_TRY(file.ReadAt(std::as_writable_bytes(std::span(&header_bytes, 1)), 0));
  if (header_bytes > kMaxHeaderBytes) {
    return Corrupt(
        fmt::format("{}: not a safetensors file: its length field says {} bytes of "
                    "header, at most {} are allowed",
                    source, header_bytes, kMaxHeaderBytes));
  }
  if (header_bytes > file_bytes - kHeaderLengthBytes) {
    return Corrupt(fmt::format("{}: truncated: the header takes {} bytes, found {}", source,
                               header_bytes, file_bytes - kHeaderLengthBytes));
  }
  std::string header(header_bytes, '\0');
  GLIMMER_TRY(file.ReadAt(std::as_writable_bytes(std::span(header)), kHeaderLengthBytes));
  return header;
}

Result<SafetensorsHeader> ReadSafetensorsHeader(const base::File& file) {
  GLIMMER_ASSIGN(const std::string header, ReadSafetensorsHeaderText(file));
  GLIMMER_ASSIGN(const uint64_t file_bytes, file.SizeBytes());
  return ParseSafetensorsHeader(header, file_bytes, Quoted(file.path()));
}

std::string LayOutSafetensors(std::vector<TensorInfo>& tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
    return a.dtype != b.dtype ? a.dtype > b.dtype : a.name < b.name;
  });
  std::string header = R"({"__metadata__":{"format":"pt"})";
  uint64_t offset = 0;
  for (TensorInfo& info : tensors) {
    info.offset = offset;
    offset += info.size_bytes;
    header += fmt::format(",{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                          base::DumpJson(JsonValue(info.name), 0), tensor::Name(info.dtype),
                          fmt::join(info.shape, ","), info.offset, offset);
  }
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const uint64_t header_bytes = header.size();
  std::string first_bytes(reinterpret_cast<const char*>(&header_bytes), sizeof header_bytes);
  first_bytes += header;
  for (TensorInfo& info : tensors) info.offset += first_bytes.size();
  return first_bytes;
}

}  // namespace glimmer::io
