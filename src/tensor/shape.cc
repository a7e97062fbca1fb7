#include "tensor/shape.h"

namespace glimmer::tensor {

std::optional<uint64_t> ElementCount(const Shape& shape) {
  uint64_t count = 1;
  for (const uint64_t dimension : shape) {
    if (__builtin_mul_overflow(count, dimension, &count)) return std::nullopt;
  }
  return count;
}

std::optional<uint64_t> SizeBytes(DType dtype, const Shape& shape) {
  const auto count = ElementCount(shape);
  uint64_t bits = 0;
  if (!count || __builtin_mul_overflow(*count, BitsOf(dtype), &bits) || bits % 8 != 0) {
    return std::nullopt;
  }
  return bits / 8;
}

std::string ToString(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

}  // namespace glimmer::tensor
