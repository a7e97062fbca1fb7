// A hostile safetensors header: whatever is accepted must lie inside the file and be laid out again
// to an equal header.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "io/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size_bytes) {
  // The first byte chooses how much data follows the header.
  if (size_bytes == 0) return 0;
  const std::string_view header(reinterpret_cast<const char*>(data + 1), size_bytes - 1);
  const uint64_t file_bytes = 8 + header.size() + uint64_t{data[0]} * 8;
  const auto parsed = glimmer::io::ParseSafetensorsHeader(header, file_bytes, "fuzz");
  if (!parsed.ok()) return 0;
  uint64_t total = 8 + header.size();
  for (const auto& info : parsed.value().tensors) {
    if (info.offset != total || info.size_bytes > file_bytes - total) std::abort();
    total += info.size_bytes;
  }
  if (total != file_bytes) std::abort();

  auto tensors = parsed.value().tensors;
  const std::string first_bytes = glimmer::io::LayOutSafetensors(tensors);
  const uint64_t data_bytes = file_bytes - 8 - header.size();
  const auto again = glimmer::io::ParseSafetensorsHeader(std::string_view(first_bytes).substr(8),
                                                         first_bytes.size() + data_bytes, "again");
  if (!again.ok() || again.value().tensors.size() != tensors.size()) std::abort();
  return 0;
}
