// The safetensors container: 8 bytes header length (little endian), a JSON header, tensor data.
// Reading trusts nothing: the whole header is validated against the file's size before any of it
// is used, so that no later code meets an offset or a shape that lies.
// Writing makes the bytes that the format's own library writes: keys ordered by element type
// (widest first) and name, compact JSON, padded with spaces to 8 bytes.
// Source: docs/formats.md#safetensors; the format's README (huggingface/safetensors).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace glimmer::io {

// The format's own limit on the JSON header.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr uint64_t kHeaderLengthBytes = 8;

struct TensorInfo {
  std::string name;
  tensor::DType dtype;
  tensor::Shape shape;
  uint64_t offset = 0;      // of the first byte in the file
  uint64_t size_bytes = 0;  // as dtype and shape say
};

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  // by offset; without gaps up to the end of the file
  std::map<std::string, std::string> metadata;
};

// `header` is the JSON text; `file_bytes` the size of the whole file. `source` is named in errors.
// Errors: kCorrupt, one sentence for each way to be malformed; kUnsupported for an element type
// that is not in the list of tensor/dtype.h.
base::Result<SafetensorsHeader> ParseSafetensorsHeader(std::string_view header, uint64_t file_bytes,
                                                       const std::string& source);
// The raw JSON header of a file. Errors: kCorrupt when the length field cannot be true; kIo.
base::Result<std::string> ReadSafetensorsHeaderText(const base::File& file);
base::Result<SafetensorsHeader> ReadSafetensorsHeader(const base::File& file);

// Sorts the tensors as the format's library does, sets their offsets, and returns the file's first
// bytes (length field and padded JSON). Data starts right behind; `metadata` is {"format": "pt"}.
// REQUIRES: names are unique.
std::string LayOutSafetensors(std::vector<TensorInfo>& tensors);

}  // namespace glimmer::io
