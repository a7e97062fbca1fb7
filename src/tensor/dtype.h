// Element types of tensors: every type of the safetensors format, with its name and width.
// Source: the safetensors format's Dtype list; the enum's order is the format library's own, which
// decides the order of tensors inside a file (io/safetensors.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace glimmer::tensor {

enum class DType : uint8_t {
  kBool,
  kF4,
  kF6E2M3,
  kF6E3M2,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kC64,
  kF64,
  kI64,
  kU64,
};

// "BF16", "F8_E4M3", …
std::string_view Name(DType dtype);
std::optional<DType> DTypeFromName(std::string_view name);
// Bits of one element: 4 and 6 for the sub-byte types.
uint64_t BitsOf(DType dtype);

}  // namespace glimmer::tensor
